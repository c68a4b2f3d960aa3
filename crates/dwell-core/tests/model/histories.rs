//! Arbitrary histories agree with the naive model.

use proptest::prelude::*;

use crate::run::{Run, Step};

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = 0..6_usize;
    let step = prop_oneof![
        4 => (0..120_000_u32).prop_map(Step::Advance),
        1 => (300_000..1_200_000_u32).prop_map(Step::Advance),
        // Within the leeway for future stamps, and beyond it.
        1 => prop_oneof![0..60_000_u32, 60_000..600_000_u32].prop_map(Step::SetBack),
        2 => Just(Step::Login),
        8 => (which.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(which, active, office)| Step::Request { which, active, office }),
        2 => (which.clone(), 0..900_000_u32).prop_map(|(which, millis)| Step::Slow { which, millis }),
        1 => which.clone().prop_map(|which| Step::Logout { which }),
        1 => which.prop_map(|which| Step::Rotate { which }),
        2 => Just(Step::Reap),
        1 => (0..3_usize).prop_map(Step::Policy),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn l12_histories_agree_with_naive_model(steps in steps()) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
        }
        run.finish();
    }
}
