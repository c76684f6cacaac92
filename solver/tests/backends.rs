//! Each back end alone, and all against each other.

#![expect(clippy::unwrap_used, reason = "what a test relies on fails loudly")]

use solver::{
    Backend, Column, Corner, Ending, Limits, Model, ModelProblem, Objective, Relation, Solution, Stage,
    Standing, TOLERANCE, solve, solve_from, solve_staged,
};

/// A stream of pseudo-random integers: splitmix64.
struct Random(u64);

impl Random {
    fn between(&mut self, low: i32, high: i32) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let span = u64::from(high.abs_diff(low)) + 1;
        f64::from(low) + f64::from(u32::try_from(mixed % span).unwrap())
    }

    fn count(&mut self, low: i32, high: i32) -> usize {
        let drawn = self.between(low, high);
        (0..).take_while(|count| f64::from(*count) < drawn).count()
    }
}

#[test]
fn all_back_ends_end_alike_on_400_random_linear_programs() {
    let mut seen = [0; 3];
    for seed in 0..400 {
        let (model, objective) = random_program(seed);
        let endings: Vec<(Backend, Ending)> =
            Backend::ALL.iter().map(|&backend| (backend, run(&model, &objective, backend))).collect();
        for pair in endings.windows(2) {
            let [(one, first), (other, second)] = pair else { unreachable!("windows of two") };
            match (first, second) {
                (Ending::Optimal(first), Ending::Optimal(second)) => {
                    let apart = (first.objective() - second.objective()).abs();
                    let allowed = 10.0 * TOLERANCE * (1.0 + first.objective().abs());
                    assert!(
                        apart <= allowed,
                        "seed {seed}: {one} reaches {}, {other} {}",
                        first.objective(),
                        second.objective()
                    );
                    seen[0] += 1;
                }
                (Ending::Infeasible, Ending::Infeasible) => seen[1] += 1,
                (Ending::Unbounded, Ending::Unbounded) => seen[2] += 1,
                _ => panic!("seed {seed}: {one} ends {first:?}, {other} {second:?}"),
            }
        }
    }
    println!("optimal, infeasible, unbounded: {seen:?}");
    assert!(Backend::ALL.len() < 2 || seen.iter().all(|&count| count >= 20), "too one-sided: {seen:?}");
}

#[test]
fn the_same_model_ends_the_same_way_to_the_last_bit() {
    for seed in 0..40 {
        let (model, objective) = random_program(seed);
        for &backend in Backend::ALL {
            let again = random_program(seed);
            let (first, second) = (run(&model, &objective, backend), run(&again.0, &again.1, backend));
            assert_eq!(first, second, "seed {seed}, {backend}");
        }
    }
}

#[test]
fn shadow_prices_tell_what_a_little_more_of_a_row_is_worth() {
    let mut model = Model::new();
    let x = model.add_column("x", 0.0..=10.0);
    let y = model.add_column("y", 0.0..=10.0);
    let scarce = model.add_row("scarce", [(x, 1.0), (y, 2.0)], Relation::AtMost, 8.0);
    let needed = model.add_row("needed", [(y, 1.0)], Relation::AtLeast, 1.0);
    let plenty = model.add_row("plenty", [(x, 1.0), (y, 1.0)], Relation::AtMost, 50.0);
    let dear = Objective::maximise([(x, 3.0), (y, 1.0)]);
    for &backend in Backend::ALL {
        let best = optimal(run(&model, &dear, backend));
        // Microlp has none.
        let Some(duality) = best.proof().duality else { continue };
        // x = 6, y = 1: one more of `scarce` is one more x; one more of `needed` costs two x and brings one y.
        for (row, price) in [(scarce, 3.0), (needed, -5.0), (plenty, 0.0)] {
            let told = best.shadow_price(row).unwrap();
            assert!((told - price).abs() < 1e-5, "{backend}: {told} where {price} is right");
        }
        assert!(duality.gap.abs() < TOLERANCE && duality.residual < TOLERANCE, "{backend}: {duality:?}");
    }
}

#[test]
#[cfg(feature = "clarabel")]
fn a_limit_of_iterations_stops_without_an_answer_that_does_not_hold() {
    let (model, objective) = random_program(3);
    let limits = Limits { iterations: 1, ..Limits::default() };
    let ending = solve(&model, &objective, Backend::Clarabel, limits).unwrap();
    let Ending::Stopped { best, words } = ending else { panic!("{ending:?}") };
    assert!(words.contains("MaxIterations"), "{words}");
    assert!(best.is_none_or(|best| best.proof().is_feasible()));
}

#[test]
fn integers_are_chosen_as_trying_all_of_them_would() {
    for seed in 0..60 {
        let (model, objective, weights) = random_knapsack(seed);
        for &backend in Backend::ALL.iter().filter(|backend| backend.takes_integers()) {
            let best = optimal(run(&model, &objective, backend));
            let apart = (best.objective() - weights).abs();
            assert!(apart < 1e-6, "seed {seed}, {backend}: {} of {weights}", best.objective());
        }
    }
}

#[test]
#[cfg(feature = "microlp")]
fn a_limit_of_nodes_stops_a_search() {
    let mut model = Model::new();
    let mut random = Random(7);
    let items: Vec<(Column, f64, f64)> = (0..40)
        .map(|item| {
            let column = model.add_integer(format!("item {item}"), 0.0..=1.0);
            (column, random.between(10, 99), random.between(10, 99))
        })
        .collect();
    model.add_row("sack", items.iter().map(|item| (item.0, item.1)), Relation::AtMost, 700.5);
    let worth = Objective::maximise(items.iter().map(|item| (item.0, item.2)));
    let ended = |nodes| {
        let limits = Limits { nodes, ..Limits::default() };
        solve(&model, &worth, Backend::Microlp, limits).unwrap()
    };
    let whole = optimal(ended(100_000));
    let Ending::Stopped { best, words } = ended(1) else { panic!("one node was enough") };
    assert!(words.contains("NodeLimit"), "{words}");
    assert!(best.is_none_or(|best| best.objective() <= whole.objective() + 1e-6));
}

#[test]
#[cfg(feature = "clarabel")]
fn integers_are_refused_by_a_back_end_that_has_none() {
    let mut model = Model::new();
    model.add_integer("evses in use", 0.0..=3.0);
    let refused = solve(&model, &Objective::minimise([]), Backend::Clarabel, Limits::default());
    let told = refused.unwrap_err().to_string();
    assert_eq!(
        told,
        "column `evses in use` is an integer, which clarabel cannot solve: use a back end for integers"
    );
}

#[test]
fn wherever_solving_begins_it_ends_where_it_would_from_nothing() {
    for seed in 0..150 {
        let (model, objective) = random_program(seed);
        for &backend in Backend::ALL {
            let whole = run(&model, &objective, backend);
            let from = |corner: Option<&Corner>| {
                solve_from(&model, &objective, backend, Limits::default(), corner).unwrap()
            };
            let (nothing, end) = from(None);
            // A corner of nothing: every column at its low end, every row at its high one.
            let (columns, rows) = (model.column_count(), model.row_count());
            let odd = Corner { columns: vec![Standing::Low; columns], rows: vec![Standing::High; rows] };
            for started in [nothing, from(end.as_ref()).0, from(Some(&odd)).0] {
                match (&whole, &started) {
                    (Ending::Optimal(whole), Ending::Optimal(started)) => {
                        let apart = (whole.objective() - started.objective()).abs();
                        let allowed = 10.0 * TOLERANCE * (1.0 + whole.objective().abs());
                        assert!(apart <= allowed, "seed {seed}, {backend}: {apart} apart");
                        assert!(started.proof().is_feasible() && started.proof().is_best());
                    }
                    (Ending::Infeasible, Ending::Infeasible) | (Ending::Unbounded, Ending::Unbounded) => {}
                    (whole, started) => panic!("seed {seed}, {backend}: {whole:?}, from a start {started:?}"),
                }
            }
        }
    }
}

#[test]
fn a_corner_of_another_model_is_refused() {
    let (model, objective) = random_program(3);
    let corner = Corner { columns: vec![Standing::Low; model.column_count() + 1], rows: Vec::new() };
    for &backend in Backend::ALL {
        let refused = solve_from(&model, &objective, backend, Limits::default(), Some(&corner)).unwrap_err();
        assert!(refused.to_string().starts_with("the corner is one of another model"), "{refused}");
    }
}

#[test]
fn nonsense_is_named() {
    type Spoil = fn(&mut Model, Column);
    let cases: [(Spoil, &str); 5] = [
        (
            |model, _| {
                model.add_column("empty", 2.0..=1.0);
            },
            "column `empty` ranges from 2 to 1: the first must be a number below +∞, at most the second",
        ),
        (
            |model, _| {
                model.add_column("none", f64::NAN..=1.0);
            },
            "column `none` ranges from NaN to 1: the first must be a number below +∞, at most the second",
        ),
        (
            |model, _| {
                model.add_integer("many", 0.0..=1e12);
            },
            "integer column `many` ranges from 0 to 1000000000000: both must be within ±2147483647",
        ),
        (
            |model, x| {
                model.add_row("fuse", [(x, 1.0)], Relation::AtMost, f64::INFINITY);
            },
            "`fuse` has inf where a finite number is needed",
        ),
        (
            |model, _| {
                let mut other = Model::new();
                other.add_column("a", 0.0..=1.0);
                other.add_column("b", 0.0..=1.0);
                let foreign = other.add_column("c", 0.0..=1.0);
                model.add_row("mixed", [(foreign, 1.0)], Relation::AtMost, 1.0);
            },
            "`mixed` names column 2 of another model; this one has 1",
        ),
    ];
    for (spoil, words) in cases {
        let mut model = Model::new();
        let x = model.add_column("x", 0.0..=1.0);
        spoil(&mut model, x);
        for &backend in Backend::ALL {
            let problem: ModelProblem =
                solve(&model, &Objective::maximise([(x, 1.0)]), backend, Limits::default()).unwrap_err();
            assert_eq!(problem.to_string(), words);
        }
    }
}

#[test]
fn what_is_fixed_needs_no_back_end() {
    let mut model = Model::new();
    let x = model.add_column("x", 2.0..=2.0);
    let row = |model: &mut Model, bound| model.add_row("below", [(x, 1.0)], Relation::AtMost, bound);
    row(&mut model, 2.0);
    for &backend in Backend::ALL {
        let best = optimal(run(&model, &Objective::maximise([(x, 3.0)]), backend));
        assert_eq!((best.value(x), best.objective()), (2.0, 6.0));
    }
    row(&mut model, 1.0);
    for &backend in Backend::ALL {
        assert_eq!(run(&model, &Objective::maximise([(x, 3.0)]), backend), Ending::Infeasible);
    }
}

#[test]
fn a_later_stage_takes_nothing_from_an_earlier_one() {
    // Two share 10, then the second counts more than the first, then the first is to be small: 4 and 6.
    let mut model = Model::new();
    let x = model.add_column("x", 0.0..=8.0);
    let y = model.add_column("y", 0.0..=6.0);
    model.add_row("shared", [(x, 1.0), (y, 1.0)], Relation::AtMost, 10.0);
    let stage = |name: &str, objective| Stage { name: name.to_owned(), objective, tolerance: 1e-6 };
    let stages = [
        stage("all", Objective::maximise([(x, 1.0), (y, 1.0)])),
        stage("the second", Objective::maximise([(y, 1.0)])),
        stage("little of the first", Objective::minimise([(x, 1.0)])),
    ];
    for &backend in Backend::ALL {
        let ended = solve_staged(&model, &stages, backend, Limits::default()).unwrap();
        let best = ended.best.unwrap();
        assert!(
            (best.value(x) - 4.0).abs() < 1e-4 && (best.value(y) - 6.0).abs() < 1e-4,
            "{backend}: {best:?}"
        );
        assert_eq!(ended.reached.len(), 3);
        // In the other order the first is nothing at all.
        let turned = [stages[2].clone(), stages[0].clone()];
        let best = solve_staged(&model, &turned, backend, Limits::default()).unwrap().best.unwrap();
        assert!(best.value(x) < 1e-4 && (best.value(y) - 6.0).abs() < 1e-4, "{backend}: {best:?}");
    }
}

#[test]
fn stages_end_where_one_has_no_best_answer() {
    let mut model = Model::new();
    let x = model.add_column("x", 0.0..=f64::INFINITY);
    let stage = |objective, tolerance| Stage { name: "x".to_owned(), objective, tolerance };
    let stages = [stage(Objective::maximise([(x, 1.0)]), 0.0), stage(Objective::minimise([(x, 1.0)]), 0.0)];
    for &backend in Backend::ALL {
        let ended = solve_staged(&model, &stages, backend, Limits::default()).unwrap();
        assert_eq!((ended.last, ended.reached), (Ending::Unbounded, vec![]), "{backend}");
        let negative = [stage(Objective::minimise([(x, 1.0)]), -1.0)];
        let problem = solve_staged(&model, &negative, backend, Limits::default()).unwrap_err();
        assert_eq!(problem.to_string(), "`tolerance of x` has -1 where a finite number is needed");
    }
}

fn run(model: &Model, objective: &Objective, backend: Backend) -> Ending {
    solve(model, objective, backend, Limits::default()).unwrap()
}

fn optimal(ending: Ending) -> Solution {
    match ending {
        Ending::Optimal(solution) => solution,
        Ending::Stopped { .. } | Ending::Infeasible | Ending::Unbounded | Ending::Failed { .. } => {
            panic!("no best answer: {ending:?}")
        }
    }
}

/// One in five may have no answer, one in five no end; the others hold a point that rows are drawn around.
fn random_program(seed: u64) -> (Model, Objective) {
    let mut random = Random(seed ^ 0x50_17e5);
    let mut model = Model::new();
    let (may_be_endless, may_be_empty) = (seed.is_multiple_of(5), seed % 5 == 1);
    let mut columns: Vec<(Column, f64)> = Vec::new();
    for column in 0..random.count(1, 30) {
        let low = random.between(-5, 5);
        let width = random.between(0, 20);
        let high = if may_be_endless { f64::INFINITY } else { low + width };
        let inside = low + width * random.between(0, 4) / 4.0;
        columns.push((model.add_column(format!("column {column}"), low..=high), inside));
    }
    for row in 0..random.count(0, 25) {
        let (mut terms, mut sum) = (Vec::new(), 0.0);
        for &(column, inside) in &columns {
            if random.between(0, 3) == 0.0 {
                let coefficient = random.between(-4, 9) / 2.0;
                terms.push((column, coefficient));
                sum += coefficient * inside;
            }
        }
        let slack = random.between(0, 8);
        let (relation, bound) = match random.count(0, 11) {
            0 => (Relation::Equal, sum),
            1..=3 => (Relation::AtLeast, sum - slack),
            _ => (Relation::AtMost, sum + slack),
        };
        let bound = if may_be_empty { random.between(0, 60) } else { bound };
        model.add_row(format!("row {row}"), terms, relation, bound);
    }
    let terms: Vec<(Column, f64)> = columns.iter().map(|column| (column.0, random.between(-9, 9))).collect();
    let is_least = random.between(0, 1) == 0.0;
    (model, if is_least { Objective::minimise(terms) } else { Objective::maximise(terms) })
}

/// Up to 10 items, with the worth of the best choice, found by trying all.
fn random_knapsack(seed: u64) -> (Model, Objective, f64) {
    let mut random = Random(seed ^ 0x5ac);
    let mut model = Model::new();
    let items: Vec<(f64, f64)> =
        (0..random.count(1, 10)).map(|_| (random.between(1, 20), random.between(1, 30))).collect();
    let holds = random.between(5, 60);
    let columns: Vec<Column> =
        (0..items.len()).map(|item| model.add_integer(format!("item {item}"), 0.0..=1.0)).collect();
    let weights = columns.iter().zip(&items).map(|(&column, item)| (column, item.0));
    model.add_row("sack", weights, Relation::AtMost, holds);
    let worth = columns.iter().zip(&items).map(|(&column, item)| (column, item.1));
    let objective = Objective::maximise(worth);
    let mut best: f64 = 0.0;
    for choice in 0_u32..1 << items.len() {
        let chosen = || items.iter().enumerate().filter(|(item, _)| choice >> item & 1 == 1);
        if chosen().map(|(_, item)| item.0).sum::<f64>() <= holds {
            best = best.max(chosen().map(|(_, item)| item.1).sum());
        }
    }
    (model, objective, best)
}
