//! The truth of circuits: currents summed up a tree given as plain rows.

use units::{Amperes, CircuitId, PerPhase};

/// One circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitNode {
    /// Its id.
    pub id: CircuitId,
    /// The index of the circuit that feeds it; none for the grid connection.
    pub parent: Option<usize>,
}

/// Circuits, each after the one that feeds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitTree {
    nodes: Vec<CircuitNode>,
}

/// Why rows are not a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTree {
    /// A circuit comes before the one that feeds it, or feeds itself.
    #[error(
        "circuit `{circuit}` stands at {index} but is fed by row {parent}, which does not come before it"
    )]
    Order {
        /// The circuit.
        circuit: CircuitId,
        /// Its row.
        index: usize,
        /// The row said to feed it.
        parent: usize,
    },
}

impl CircuitTree {
    /// A tree from rows in which each circuit comes after the one that feeds it.
    ///
    /// # Errors
    ///
    /// Where one does not.
    pub fn new(nodes: Vec<CircuitNode>) -> Result<Self, InvalidTree> {
        for (index, node) in nodes.iter().enumerate() {
            if let Some(parent) = node.parent
                && parent >= index
            {
                return Err(InvalidTree::Order { circuit: node.id.clone(), index, parent });
            }
        }
        Ok(Self { nodes })
    }

    /// The circuits in their order.
    #[must_use]
    pub fn nodes(&self) -> &[CircuitNode] {
        &self.nodes
    }

    /// The row of a circuit.
    #[must_use]
    pub fn index_of(&self, id: &CircuitId) -> Option<usize> {
        self.nodes.iter().position(|node| node.id == *id)
    }

    /// The current of each circuit, from what is taken directly at each (row, current on the site's phases).
    ///
    /// # Panics
    ///
    /// Where a row does not exist.
    #[must_use]
    pub fn currents(
        &self,
        taken: impl IntoIterator<Item = (usize, PerPhase<Amperes>)>,
    ) -> Vec<PerPhase<Amperes>> {
        let mut sums = vec![PerPhase::default(); self.nodes.len()];
        for (index, current) in taken {
            assert!(index < sums.len(), "there is no circuit {index} of {}", sums.len());
            sums[index] += current;
        }
        for (index, node) in self.nodes.iter().enumerate().rev() {
            if let Some(parent) = node.parent {
                let own = sums[index];
                sums[parent] += own;
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use units::Phase;

    use super::*;

    fn tree(parents: &[Option<usize>]) -> Result<CircuitTree, InvalidTree> {
        let node = |(index, parent): (usize, &Option<usize>)| CircuitNode {
            id: format!("c{index}").parse().unwrap(),
            parent: *parent,
        };
        CircuitTree::new(parents.iter().enumerate().map(node).collect())
    }

    #[test]
    fn each_circuit_carries_what_hangs_below_it() {
        let tree = tree(&[None, Some(0), Some(0), Some(1)]).unwrap();
        let amperes = |l1, l2, l3| PerPhase::new(l1, l2, l3).map(Amperes::from_amperes);
        let sums = tree.currents([
            (0, amperes(5, 6, 7)),
            (3, amperes(16, 0, 0)),
            (2, amperes(1, 2, 3)),
            (3, amperes(0, 10, 0)),
        ]);
        assert_eq!(sums[3], amperes(16, 10, 0));
        assert_eq!(sums[1], amperes(16, 10, 0));
        assert_eq!(sums[2], amperes(1, 2, 3));
        assert_eq!(sums[0], amperes(22, 18, 10));
        assert_eq!(sums[0][Phase::L1], Amperes::from_amperes(22));
    }

    #[test]
    fn a_circuit_before_its_feeder_is_refused() {
        let refused = tree(&[None, Some(2), Some(0)]).unwrap_err();
        assert!(matches!(refused, InvalidTree::Order { index: 1, parent: 2, .. }), "{refused}");
        assert!(tree(&[Some(0)]).is_err());
    }
}
