//! Profiles of local runs: what is read, what is refused and why, what bounds they have, and which of them no circuit takes yet.

use zkpoc_circuits::grid::{Grid, LayoutError};
use zkpoc_circuits::profile::{FeatureKind, LabelKind, Loss, Mode, OutputTable, Profile, ProfileError, Standardise};
use zkpoc_circuits::{DatasetCircuit, RoundCircuit, TrainingCircuit};

const FILES: [(&str, &str); 3] = [
    ("digits-local", include_str!("data/digits-local.toml")),
    ("mnist-local", include_str!("data/mnist-local.toml")),
    ("mnist-local-phone", include_str!("data/mnist-local-phone.toml")),
];

fn local(name: &str) -> Profile {
    let (_, text) = FILES.iter().find(|(n, _)| *n == name).expect(name);
    Profile::from_toml(text).expect(name)
}

fn toy() -> Profile {
    Profile::builtin("toy").expect("built in")
}

/// The message with which the profile `digits-local` is refused after a change.
fn refusal(change: impl FnOnce(&mut Profile)) -> String {
    let mut profile = local("digits-local");
    change(&mut profile);
    profile.validate().expect_err("a refusal").to_string()
}

#[test]
fn accepts_profiles_of_runs_and_writes_them_back() {
    for (name, _) in FILES {
        let profile = local(name);
        assert_eq!(profile.name, name);
        assert_eq!(Profile::from_toml(&profile.to_toml()), Ok(profile.clone()));
        assert_eq!(serde_json::from_str::<Profile>(&profile.canonical_json()).expect(name), profile);
    }
    let mnist = local("mnist-local");
    assert_eq!((mnist.shard_records(), mnist.label_width(), mnist.feature_range()), (1024, 1, (-128, 127)));
    assert_eq!(local("mnist-local-phone").shard_records(), 256);
}

#[test]
fn golden_canonical_json_of_a_run() {
    let want = concat!(
        r#"{"activation":"relu","activation_bits":10,"activation_shift":24,"backprop_shift":24,"batch":8,"bias_unit":32,"#,
        r#""data":"digits","feature_bits":8,"features":"signed","fine_shift":12,"k":15,"layers":[64,32,10],"#,
        r#""learning_rate":{"numerator":1,"shift":12},"limb_bits":12,"local_rate":32,"local_steps":4,"#,
        r#""loss":"cross-entropy","max_claims":64,"momentum":2,"name":"digits-local","#,
        r#""output_table":{"exponent_bits":12,"probability_bits":8,"table_bits":10},"residual_shift":21,"#,
        r#""signal_bits":12,"stack_bits":0,"target":536870912,"weight_bits":16,"weight_columns":2,"weight_frac_bits":12}"#,
    );
    assert_eq!(local("digits-local").canonical_json(), want);
}

#[test]
fn fields_of_runs_at_their_defaults_leave_the_id_alone_and_change_it_otherwise() {
    let text = include_str!("../params/toy.toml");
    let defaults = [
        "local_steps = 1",
        r#"mode = "local""#,
        r#"features = "unsigned""#,
        r#"labels = "class""#,
        "fine_shift = 0",
        "local_rate = 1",
        "momentum = 0",
    ];
    for line in defaults {
        let read = Profile::from_toml(&format!("{line}\n{text}")).expect(line);
        assert_eq!(read.id(), toy().id(), "{line}");
    }
    let run = Profile { local_steps: 2, ..toy() };
    let accumulated = Profile { mode: Mode::Accumulate, ..run.clone() };
    let signed = Profile { feature_kind: FeatureKind::Signed, ..toy() };
    let binary = Profile { loss: Loss::BinaryCrossEntropy, output_table: Some(table()), ..toy() };
    let multi = Profile { label_kind: LabelKind::Multi, ..binary.clone() };
    let cross = Profile { loss: Loss::CrossEntropy, ..binary.clone() };
    let fine = Profile { fine_shift: 1, ..toy() };
    let rate = Profile { local_rate: 2, ..toy() };
    let momentum = Profile { momentum: 1, ..toy() };
    let profiles = [toy(), run, accumulated, signed, binary, multi, cross, fine, rate, momentum];
    for profile in &profiles[1..] {
        let mut valid = profile.clone();
        if valid.output_table.is_some() {
            valid.target = 256;
        }
        assert_eq!(valid.validate(), Ok(()), "{valid:?}");
    }
    let ids: std::collections::BTreeSet<[u8; 32]> = profiles.iter().map(Profile::id).collect();
    assert_eq!(ids.len(), profiles.len());
}

/// A table that `toy` can have: 2^4 is the probability 1, `target` 256.
fn table() -> OutputTable {
    OutputTable { table_bits: 6, exponent_bits: 4, probability_bits: 4 }
}

#[test]
fn rejects_runs_that_cannot_work_with_the_reason() {
    let starts = [
        (refusal(|p| p.local_steps = 0), "`local_steps` is 0; expected 1 to 1024"),
        (refusal(|p| p.local_steps = 2048), "`local_steps` is 2048; expected 1 to 1024"),
        (refusal(|p| p.local_steps = 3), "`local_steps` is 3; that needs a power of two"),
        (refusal(|p| p.batch = 1 << 19), "`local_steps * batch` is 2097152; expected 1 to 1048576"),
        (refusal(|p| p.fine_shift = 33), "`fine_shift` is 33; expected 0 to 32"),
        (refusal(|p| p.local_rate = 0), "`local_rate` is 0; expected 1 to 4294967296"),
        (refusal(|p| p.local_rate = 12), "`local_rate` is 12; that needs a power of two"),
        (refusal(|p| p.momentum = 4), "`momentum` is 4; expected 0 to 3"),
        (refusal(|p| p.stack_bits = 1), "`local_steps` is 4; that needs `stack_bits` = 0"),
        (refusal(|p| p.layers[2] = 1 << 16), "`local_steps` is 4; that needs at most 65535 classes"),
        (refusal(|p| p.feature_bits = 1), "`feature_bits` is 1; expected 2 to 16"),
        (refusal(|p| p.label_kind = LabelKind::Real), r#"`labels` is "real"; only "class" or "multi" is supported"#),
        (
            refusal(|p| p.label_kind = LabelKind::Multi),
            r#"`labels` is multi; that needs `loss` = "binary-cross-entropy""#,
        ),
        (refusal(|p| p.output_table = None), "`loss` is cross-entropy; that needs an `output_table`"),
        (refusal(|p| p.loss = Loss::SquaredError), "`loss` is squared-error; that needs no `output_table`"),
        (
            refusal(|p| p.target += 1),
            "`target` is 536870913; that needs 2^(residual_shift + output_table.probability_bits)",
        ),
        (refusal(|p| p.activation_shift = 30), "`log2 of target / 2^activation_shift` is -1; expected 0 to 16"),
        (refusal(|p| p.activation_shift = 12), "`log2 of target / 2^activation_shift` is 17; expected 0 to 16"),
        (
            refusal(|p| p.loss = Loss::BinaryCrossEntropy),
            "`output_table.exponent_bits` is 12; that needs the value of `probability_bits`",
        ),
        (
            refusal(|p| (p.local_steps, p.mode) = (1, Mode::Accumulate)),
            "`mode` is accumulate; that needs `local_steps` of at least 2",
        ),
    ];
    for (message, start) in starts {
        assert!(message.starts_with(&format!("profile field {start}")), "{message}, expected {start}");
    }
    let sized = |bits: fn(&mut OutputTable) -> &mut u32, value: u32| {
        refusal(|p| *bits(p.output_table.as_mut().expect("a table")) = value)
    };
    assert!(sized(|t| &mut t.table_bits, 1).contains("`output_table.table_bits` is 1; expected 2 to 16"));
    assert!(sized(|t| &mut t.table_bits, 17).contains("`output_table.table_bits` is 17; expected 2 to 16"));
    assert!(sized(|t| &mut t.exponent_bits, 0).contains("`output_table.exponent_bits` is 0; expected 1 to 24"));
    assert!(sized(|t| &mut t.exponent_bits, 25).contains("`output_table.exponent_bits` is 25; expected 1 to 24"));
    assert!(sized(|t| &mut t.probability_bits, 0).contains("`output_table.probability_bits` is 0; expected 1 to 24"));
    assert!(sized(|t| &mut t.probability_bits, 25).contains("`output_table.probability_bits` is 25; expected 1 to 24"));
}

#[test]
fn features_are_standardised_by_the_constants_of_the_profile() {
    let profile = Profile::builtin("digits-local").expect("built in");
    let standardise = profile.standardise.expect("digits-local has one");
    let want = |raw: u16| {
        let exact = (standardise.scale as f64 * f64::from(raw) - standardise.offset as f64)
            / f64::from(1u32 << standardise.shift);
        (exact + 0.5).floor().clamp(-128.0, 127.0) as i16
    };
    for raw in (0..=u16::MAX).step_by(7).chain([239, 240, u16::MAX]) {
        assert_eq!(profile.prepared(raw) as i16, want(raw), "{raw}");
    }
    assert_eq!([0, 73, 240].map(|raw| profile.prepared(raw) as i16), [-26, 0, 59]);
    let unsigned = Profile { feature_kind: FeatureKind::Unsigned, ..profile.clone() };
    assert_eq!([0, 73, u16::MAX].map(|raw| unsigned.prepared(raw)), [0, 0, 255]);
    assert_eq!([0, 73, u16::MAX].map(|raw| toy().prepared(raw)), [0, 73, u16::MAX]);
    // The extremes of what validates neither wrap nor panic.
    for (scale, offset, shift) in [(1 << 32, 0, 1), (1, 1 << 48, 32), (1 << 32, 1 << 48, 1), (1, 0, 32)] {
        let mut profile = profile.clone();
        profile.standardise = Some(Standardise { scale, offset, shift });
        assert_eq!(profile.validate(), Ok(()));
        let (low, high) = (profile.prepared(0) as i16, profile.prepared(u16::MAX) as i16);
        assert!(low <= high && (-128..=127).contains(&low) && (-128..=127).contains(&high));
    }
    for (field, scale, offset, shift) in [("scale", 0, 0, 1), ("offset", 1, (1 << 48) + 1, 1), ("shift", 1, 0, 33)] {
        let message = refusal(|p| p.standardise = Some(Standardise { scale, offset, shift }));
        assert!(message.starts_with(&format!("profile field `standardise.{field}` is ")), "{message}");
    }
}

#[test]
fn rejects_runs_larger_than_their_columns() {
    // 2^15 rows in 4 stretches of 2^13, two columns each.
    let message = refusal(|p| p.layers = vec![64, 250, 10]);
    assert_eq!(
        message,
        "weights and biases are 18760; 2^k rows in weight_columns columns, shared among local_steps steps, hold 16384"
    );
    let message = refusal(|p| p.batch = 256);
    assert_eq!(message, "features of a shard are 65536; 2^k rows in one column hold 32768");
}

#[test]
fn rejects_runs_whose_integers_could_leave_their_bits() {
    let reason = |change: fn(&mut Profile)| refusal(change);
    let message = reason(|p| p.local_rate = 1 << 32);
    assert!(message.starts_with("pre-activation of layer 1 can reach"), "{message}");
    let message = reason(|p| {
        (p.local_rate, p.mode, p.layers, p.max_claims) = (1 << 32, Mode::Accumulate, vec![64, 10], 1 << 12);
    });
    assert!(message.starts_with("update cell times max_claims"), "{message}");
    let message = reason(|p| (p.weight_bits, p.fine_shift) = (32, 32));
    assert!(message.starts_with("fine weight of layer 1 can reach"), "{message}");
    // Momentum: 3 * 2^16 * max_claims * 2^shift.
    let most = |p: &mut Profile| (p.momentum, p.learning_rate.shift, p.max_claims) = (3, 62, 1 << 27);
    let mut profile = local("digits-local");
    most(&mut profile);
    assert_eq!(profile.validate(), Ok(()));
    profile.learning_rate.shift = 62;
    profile.weight_bits = 32;
    profile.fine_shift = 0;
    profile.max_claims = 1 << 29;
    let message = profile.validate().expect_err("2^125").to_string();
    assert!(message.starts_with("change of the round before times momentum can reach"), "{message}");
    profile.momentum = 0;
    assert_eq!(profile.validate(), Ok(()));
}

#[test]
fn bounds_of_a_run_grow_with_its_steps_and_not_in_accumulate_mode() {
    let profile = local("mnist-local");
    let of = |local_steps, mode| Profile { local_steps, mode, ..profile.clone() }.bounds();
    let one = of(1, Mode::Local);
    let mut before = one.clone();
    for steps in [2, 4, 8, 16, 32] {
        let (run, sum) = (of(steps, Mode::Local), of(steps, Mode::Accumulate));
        for (more, less) in
            run.weight.iter().zip(&before.weight).chain(run.pre_activation.iter().zip(&before.pre_activation))
        {
            assert!(more > less);
        }
        assert!(run.backprop[0] > before.backprop[0]);
        assert_eq!(run.update, one.update * u128::from(steps));
        assert_eq!(run.loss, one.loss * u128::from(steps));
        assert_eq!(
            (&sum.weight, &sum.pre_activation, &sum.backprop),
            (&one.weight, &one.pre_activation, &one.backprop)
        );
        assert_eq!((sum.update, sum.norm, sum.loss), (run.update, run.norm, run.loss));
        before = run;
    }
    // 2^15 2^12 + 8 * 15 * 64 * 128 * 2^11, the last factor in layer 2 the probability 1 and activations below 2^10.
    let run = of(16, Mode::Local);
    assert_eq!(run.weight, [(1 << 27) + 8 * 15 * 64 * 128 * 2048, (1 << 27) + 8 * 15 * 64 * 1023 * 256]);
    assert_eq!(run.bias, [(1 << 27) + 8 * 15 * 64 * 32 * 2048, (1 << 27) + 8 * 15 * 64 * 32 * 256]);
    assert_eq!(run.pre_activation[0], 784 * 128 * run.weight[0] + 32 * run.bias[0]);
    assert_eq!(run.pre_activation[1], 128 * 1023 * run.weight[1] + 32 * run.bias[1]);
    assert_eq!(run.residual, 2 * run.pre_activation[1]);
    assert_eq!(run.backprop, [10 * 256 * run.weight[1]]);
    assert_eq!(run.update, 8 * 16 * 64 * 128 * 2048);
    assert_eq!(run.loss, 16 * 64 * 10 * 256 * 256);
}

#[test]
fn rejects_layouts_of_statements_that_no_circuit_proves() {
    let statement = |change: &dyn Fn(&mut Profile)| {
        let mut profile = toy();
        change(&mut profile);
        assert_eq!(profile.validate(), Ok(()), "{profile:?}");
        let Err(LayoutError::Statement { field, found, expected }) = Grid::new(&profile) else { panic!("{profile:?}") };
        let error = LayoutError::Statement { field, found, expected };
        assert_eq!(TrainingCircuit::new(&profile).err(), Some(error.clone()));
        assert_eq!(DatasetCircuit::new(&profile).err(), Some(error.clone()));
        assert_eq!(RoundCircuit::new(&profile).err(), Some(error.clone()));
        let text = error.to_string();
        assert!(text.starts_with("the circuits prove runs of squared error or cross-entropy"), "{text}");
        assert!(text.contains(&format!("profile field `{field}` is ")), "{text}");
        field
    };
    let probabilities = |p: &mut Profile, loss| (p.loss, p.output_table, p.target) = (loss, Some(table()), 256);
    assert_eq!(statement(&|p| probabilities(p, Loss::BinaryCrossEntropy)), "loss");
    let multi = |p: &mut Profile| {
        probabilities(p, Loss::BinaryCrossEntropy);
        p.label_kind = LabelKind::Multi;
    };
    assert_eq!(statement(&multi), "labels");
    assert_eq!(statement(&|p| p.fine_shift = 1), "fine_shift");
    assert_eq!(statement(&|p| p.local_rate = 2), "local_rate");
    assert_eq!(statement(&|p| p.momentum = 1), "momentum");
    // Fields that only a refused profile has.
    let refused = |change: &dyn Fn(&mut Profile)| {
        let mut profile = toy();
        change(&mut profile);
        assert!(profile.validate().is_err());
        Grid::new(&profile).expect_err("a refusal")
    };
    let expected = "local";
    let found = "accumulate".to_owned();
    assert_eq!(refused(&|p| p.mode = Mode::Accumulate), LayoutError::Statement { field: "mode", found, expected });
    let table = refused(&|p| p.output_table = Some(table()));
    assert!(matches!(table, LayoutError::Statement { field: "output_table", .. }));
    // Not the circuit of another loss.
    let none = refused(&|p| p.loss = Loss::CrossEntropy);
    assert!(matches!(none, LayoutError::Statement { field: "output_table", .. }));
}

#[test]
fn rejects_unsupported_values_as_profile_errors() {
    let real = Profile { label_kind: LabelKind::Real, ..toy() };
    let error = real.validate().expect_err("no trainer");
    assert!(matches!(error, ProfileError::Unsupported { field: "labels", .. }));
    let none = Profile { loss: Loss::CrossEntropy, ..toy() };
    assert!(matches!(none.validate(), Err(ProfileError::Needs { field: "loss", .. })));
}
