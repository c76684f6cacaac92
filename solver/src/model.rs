//! What is to be solved.

use std::ops::RangeInclusive;

use crate::backend::Backend;

/// Columns and rows:
///
/// find x with  low_j ≤ x_j ≤ high_j  for each column j,  Σ a_{r,j} x_j ≤, ≥ or = b_r  for each row r,  and x_j whole for
/// each integer column.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    pub(crate) columns: Vec<ColumnDefinition>,
    pub(crate) rows: Vec<RowDefinition>,
}

/// A column of the [`Model`] that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column(pub(crate) usize);

/// A row of the [`Model`] that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row(pub(crate) usize);

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ColumnDefinition {
    pub name: String,
    pub low: f64,
    pub high: f64,
    pub is_integer: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RowDefinition {
    pub name: String,
    pub terms: Vec<(Column, f64)>,
    pub relation: Relation,
    pub bound: f64,
}

/// How the sum of a row stands to its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Σ a x ≤ b.
    AtMost,
    /// Σ a x ≥ b.
    AtLeast,
    /// Σ a x = b.
    Equal,
}

/// What makes one answer better than another: Σ c_j x_j, to be as small or as great as possible.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    pub(crate) terms: Vec<(Column, f64)>,
    pub(crate) direction: Direction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Minimise,
    Maximise,
}

impl Direction {
    /// What turns "better" into "less".
    pub(crate) const fn sign(self) -> f64 {
        match self {
            Self::Minimise => 1.0,
            Self::Maximise => -1.0,
        }
    }
}

impl Objective {
    /// As small as possible. A column named twice counts with the sum.
    pub fn minimise(terms: impl IntoIterator<Item = (Column, f64)>) -> Self {
        Self { terms: terms.into_iter().collect(), direction: Direction::Minimise }
    }

    /// As great as possible. A column named twice counts with the sum.
    pub fn maximise(terms: impl IntoIterator<Item = (Column, f64)>) -> Self {
        Self { terms: terms.into_iter().collect(), direction: Direction::Maximise }
    }
}

/// Why something is no model.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelProblem {
    /// A column's range is empty, or an end of it is no number.
    #[error(
        "column `{column}` ranges from {low} to {high}: the first must be a number below +∞, at most the second"
    )]
    Range {
        /// Its name.
        column: String,
        /// Its least value.
        low: f64,
        /// Its greatest value.
        high: f64,
    },
    /// An integer column's range has an end beyond 2^31.
    #[error("integer column `{column}` ranges from {low} to {high}: both must be within ±2147483647")]
    IntegerRange {
        /// Its name.
        column: String,
        /// Its least value.
        low: f64,
        /// Its greatest value.
        high: f64,
    },
    /// A coefficient or a bound is infinite, or no number.
    #[error("`{place}` has {value} where a finite number is needed")]
    NotFinite {
        /// The row, or `objective`.
        place: String,
        /// What stands there.
        value: f64,
    },
    /// A term names a column that the model does not have.
    #[error("`{place}` names column {column} of another model; this one has {columns}")]
    ForeignColumn {
        /// The row, or `objective`.
        place: String,
        /// The column's place, from 0.
        column: usize,
        /// How many there are.
        columns: usize,
    },
    /// A corner of another model.
    #[error("the corner is one of another model; this one has {columns} columns and {rows} rows")]
    ForeignCorner {
        /// How many columns there are.
        columns: usize,
        /// How many rows there are.
        rows: usize,
    },
    /// The back end knows no integers.
    #[error("column `{column}` is an integer, which {backend} cannot solve: use a back end for integers")]
    NoIntegers {
        /// The first integer column.
        column: String,
        /// The back end.
        backend: Backend,
    },
}

impl Model {
    /// Without columns and rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column with the values of `range`; its ends may be infinite.
    pub fn add_column(&mut self, name: impl Into<String>, range: RangeInclusive<f64>) -> Column {
        self.push_column(name.into(), range, false)
    }

    /// Adds a column with the whole values of `range`; its ends are within ±2^31.
    pub fn add_integer(&mut self, name: impl Into<String>, range: RangeInclusive<f64>) -> Column {
        self.push_column(name.into(), range, true)
    }

    fn push_column(&mut self, name: String, range: RangeInclusive<f64>, is_integer: bool) -> Column {
        let (low, high) = range.into_inner();
        self.columns.push(ColumnDefinition { name, low, high, is_integer });
        Column(self.columns.len() - 1)
    }

    /// Adds a row: Σ `terms` stands in `relation` to `bound`. A column named twice counts with the sum.
    pub fn add_row(
        &mut self,
        name: impl Into<String>,
        terms: impl IntoIterator<Item = (Column, f64)>,
        relation: Relation,
        bound: f64,
    ) -> Row {
        let terms = terms.into_iter().collect();
        self.rows.push(RowDefinition { name: name.into(), terms, relation, bound });
        Row(self.rows.len() - 1)
    }

    /// How many columns there are.
    #[must_use]
    pub const fn column_count(&self) -> usize {
        self.columns.len()
    }

    /// How many rows there are.
    #[must_use]
    pub const fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// How many coefficients rows have together.
    #[must_use]
    pub fn coefficient_count(&self) -> usize {
        self.rows.iter().map(|row| row.terms.len()).sum()
    }

    /// Whether nothing is left to choose.
    pub(crate) fn is_fixed(&self) -> bool {
        self.columns.iter().all(|column| column.low == column.high)
    }

    pub(crate) fn validate(&self, objective: &Objective) -> Result<(), ModelProblem> {
        for column in &self.columns {
            let ColumnDefinition { name, low, high, is_integer } = column;
            let is_range = low <= high && *low < f64::INFINITY && *high > f64::NEG_INFINITY;
            if !is_range {
                return Err(ModelProblem::Range { column: name.clone(), low: *low, high: *high });
            }
            let furthest = f64::from(i32::MAX);
            if *is_integer && (*low < -furthest || *high > furthest) {
                return Err(ModelProblem::IntegerRange { column: name.clone(), low: *low, high: *high });
            }
        }
        for row in &self.rows {
            self.validate_terms(&row.name, &row.terms)?;
            if !row.bound.is_finite() {
                return Err(ModelProblem::NotFinite { place: row.name.clone(), value: row.bound });
            }
        }
        self.validate_terms("objective", &objective.terms)
    }

    fn validate_terms(&self, place: &str, terms: &[(Column, f64)]) -> Result<(), ModelProblem> {
        let columns = self.columns.len();
        for &(Column(column), value) in terms {
            if !value.is_finite() {
                return Err(ModelProblem::NotFinite { place: place.to_owned(), value });
            }
            if column >= columns {
                return Err(ModelProblem::ForeignColumn { place: place.to_owned(), column, columns });
            }
        }
        Ok(())
    }
}
