//! Profiles: what is read, what is refused and why, and the ids that everything else names.

use zkpoc_circuits::profile::{Profile, ProfileError};

const TOY: &str = include_str!("../params/toy.toml");

/// The toy profile with one line's value replaced.
fn toy_with(field: &str, value: &str) -> Result<Profile, ProfileError> {
    let line = |l: &str| match l.split_once(" = ") {
        Some((name, _)) if name == field => format!("{field} = {value}\n"),
        _ => format!("{l}\n"),
    };
    let text: String = TOY.lines().map(line).collect();
    assert!(text.contains(&format!("{field} = {value}\n")), "no field {field}");
    Profile::from_toml(&text)
}

/// The message with which the toy profile is refused after one change.
fn refusal(field: &str, value: &str) -> String {
    toy_with(field, value).expect_err(field).to_string()
}

#[test]
fn accepts_the_builtin_profiles_under_their_names() {
    let names = Profile::builtin_names();
    assert_eq!(
        names,
        [
            "toy",
            "digits-tiny",
            "digits-local",
            "mnist-linear",
            "mnist-mlp",
            "mnist-mlp-fast",
            "mnist-mlp-cheap",
            "mnist-local-phone",
            "mnist-local"
        ]
    );
    for name in names {
        assert_eq!(Profile::builtin(name).expect(name).name, name);
    }
    assert_eq!(Profile::builtin("no-such-profile"), None);
    let mlp = Profile::builtin("mnist-mlp").expect("builtin");
    assert_eq!((mlp.depth(), mlp.parameters()), (2, 784 * 128 + 128 + 128 * 10 + 10));
}

#[test]
fn golden_canonical_json_of_toy() {
    let want = concat!(
        r#"{"activation":"relu","activation_bits":8,"activation_shift":4,"backprop_shift":4,"#,
        r#""batch":3,"bias_unit":15,"data":"synthetic","feature_bits":4,"k":8,"layers":[6,4,3],"#,
        r#""learning_rate":{"numerator":1,"shift":9},"limb_bits":4,"loss":"squared-error","#,
        r#""max_claims":8,"name":"toy","residual_shift":4,"signal_bits":8,"stack_bits":0,"target":240,"#,
        r#""weight_bits":8,"weight_columns":1,"weight_frac_bits":4}"#,
    );
    assert_eq!(Profile::builtin("toy").expect("builtin").canonical_json(), want);
}

#[test]
fn golden_profile_ids() {
    let want = [
        ("toy", "9073a48c75742b9648f4fbff571d32330c39f9f71c26ba0376a40fa2842768dc"),
        ("digits-tiny", "76dfa98e368b1826194de097dfad589c8c5e508d8a8b414075e038f047360f1c"),
        ("digits-local", "1deeaf5dc7af0094bdab22d2beebe7d8fba47a4ba881f38100db393c224bc620"),
        ("mnist-linear", "a1c3774b665ea2cb394ec72bf53ddd751d6d02fa49aab73f723c5b61b5dcc8c1"),
        ("mnist-mlp", "955fbf53b666a5ce6702e0d2570e92c3bf4b72b6f4ff19dfd997519f0f861591"),
        ("mnist-mlp-fast", "d577a2f91a6bea4a69f463e89e1b24fe8d59d5598070071cef5ae48bdaf02a21"),
        ("mnist-mlp-cheap", "897bd6d675defd4a12fe14003e892d88a137fccc01e934b69c9b009a2af964cb"),
        ("mnist-local-phone", "a464eacdb2a97d1f8a1947c83a1d4a2c6d3d7be7ff76f766f763a85ace837fc8"),
        ("mnist-local", "10a69c56c072e8251f11ba6e615fe6c1f710dff5cbf818c2377c78e33d597eaa"),
    ];
    assert_eq!(want.map(|(name, _)| name).to_vec(), Profile::builtin_names());
    let got: Vec<_> =
        want.iter().map(|(name, _)| (*name, hex::encode(Profile::builtin(name).expect(name).id()))).collect();
    assert_eq!(got, want.map(|(name, id)| (name, id.to_owned())));
}

#[test]
fn the_id_changes_with_every_field() {
    let toy = Profile::builtin("toy").expect("builtin");
    let changes = [
        ("name", r#""other""#),
        ("layers", "[6, 5, 3]"),
        ("batch", "4"),
        ("data", r#""digits""#),
        ("feature_bits", "5"),
        ("weight_bits", "9"),
        ("weight_frac_bits", "5"),
        ("activation_bits", "9"),
        ("activation_shift", "5"),
        ("signal_bits", "9"),
        ("residual_shift", "5"),
        ("backprop_shift", "5"),
        ("bias_unit", "16"),
        ("target", "256"),
        ("learning_rate", "{ numerator = 3, shift = 9 }"),
        ("max_claims", "512"),
        ("limb_bits", "5"),
        ("weight_columns", "2"),
        ("stack_bits", "1"),
        ("k", "9"),
    ];
    for (field, value) in changes {
        let other = toy_with(field, value).unwrap_or_else(|e| panic!("{field}: {e}"));
        assert_ne!(other.id(), toy.id(), "{field}");
    }
}

#[test]
fn the_id_ignores_layout_and_comments_of_the_file() {
    let squeezed: String = TOY.lines().map(|l| format!("{}\n", l.split('#').next().unwrap_or(""))).collect();
    let read = Profile::from_toml(&squeezed).expect("still a profile");
    assert_eq!(read.id(), Profile::builtin("toy").expect("builtin").id());
}

#[test]
fn canonical_json_reads_back_as_the_same_profile() {
    for name in Profile::builtin_names() {
        let profile = Profile::builtin(name).expect(name);
        let read: Profile = serde_json::from_str(&profile.canonical_json()).expect(name);
        assert_eq!(read, profile);
    }
}

#[test]
fn rejects_unknown_missing_and_mistyped_fields() {
    let unknown = format!("nesterov = 3\n{TOY}");
    assert!(Profile::from_toml(&unknown).expect_err("unknown").to_string().contains("nesterov"));
    let missing = TOY.replace("batch = 3\n", "");
    assert!(Profile::from_toml(&missing).expect_err("missing").to_string().contains("batch"));
    assert!(refusal("k", "\"8\"").contains("cannot be read"));
    assert!(refusal("batch", "-1").contains("cannot be read"));
    assert!(refusal("learning_rate", "{ numerator = 1, shift = 9, decay = 1 }").contains("decay"));
}

#[test]
fn rejects_numbers_out_of_range_with_the_range() {
    let cases = [
        ("layers", "[6, 0, 3]", "`layers[1]` is 0; expected 1 to 1048576"),
        ("layers", "[6, 70000]", "`layers[1] (classes)` is 70000; expected 1 to 65536"),
        ("batch", "0", "`batch` is 0; expected 1 to 1048576"),
        ("feature_bits", "0", "`feature_bits` is 0; expected 1 to 16"),
        ("feature_bits", "17", "`feature_bits` is 17; expected 1 to 16"),
        ("weight_bits", "1", "`weight_bits` is 1; expected 2 to 32"),
        ("weight_frac_bits", "8", "`weight_frac_bits` is 8; expected 0 to 7"),
        ("activation_bits", "0", "`activation_bits` is 0; expected 1 to 32"),
        ("activation_shift", "0", "`activation_shift` is 0; expected 1 to 48"),
        ("signal_bits", "1", "`signal_bits` is 1; expected 2 to 32"),
        ("residual_shift", "0", "`residual_shift` is 0; expected 1 to 48"),
        ("backprop_shift", "0", "`backprop_shift` is 0; expected 1 to 48"),
        ("bias_unit", "0", "`bias_unit` is 0; expected 1 to 9007199254740991"),
        ("target", "-5", "`target` is -5; expected 1 to 9007199254740991"),
        ("learning_rate", "{ numerator = 0, shift = 9 }", "`learning_rate.numerator` is 0"),
        ("learning_rate", "{ numerator = 1, shift = 0 }", "`learning_rate.shift` is 0; expected 1 to 62"),
        ("max_claims", "0", "`max_claims` is 0"),
        ("max_claims", "9007199254740992", "expected 1 to 9007199254740991"),
        ("limb_bits", "1", "`limb_bits` is 1; expected 2 to 15"),
        ("limb_bits", "16", "`limb_bits` is 16; expected 2 to 15"),
        ("weight_columns", "17", "`weight_columns` is 17; expected 1 to 16"),
        ("stack_bits", "3", "`stack_bits` is 3; expected 0 to 2"),
        ("k", "25", "`k` is 25; expected 4 to 24"),
    ];
    for (field, value, reason) in cases {
        let message = refusal(field, value);
        assert!(message.contains(reason), "{field} = {value}: {message}");
    }
}

#[test]
fn rejects_depths_names_and_functions_that_have_no_circuit() {
    assert_eq!(toy_with("layers", "[6]"), Err(ProfileError::Depth { widths: 1 }));
    assert_eq!(toy_with("layers", "[]"), Err(ProfileError::Depth { widths: 0 }));
    assert!(refusal("name", r#""To y""#).contains("\"To y\""));
    assert!(refusal("name", r#""""#).contains("1 to 64 lower-case"));
    assert!(refusal("data", r#""../x""#).contains("`data`"));
    for activation in ["leaky-relu", "tanh", "gelu", "silu"] {
        let message = refusal("activation", &format!("{activation:?}"));
        assert_eq!(message, format!(r#"profile field `activation` is {activation:?}; only "relu" is supported"#));
    }
    assert!(refusal("activation", r#""step""#).contains("unknown variant `step`"));
    let message = refusal("loss", r#""hinge""#);
    assert!(message.contains("unknown variant `hinge`, expected one of `squared-error`, `cross-entropy`"), "{message}");
}

#[test]
fn rejects_a_residual_unit_that_is_no_signal() {
    assert_eq!(toy_with("target", "15"), Err(ProfileError::ResidualUnit { unit: 0, max: 127 }));
    assert_eq!(toy_with("target", "2048"), Err(ProfileError::ResidualUnit { unit: 128, max: 127 }));
    assert!(toy_with("target", "2047").is_ok());
}

#[test]
fn rejects_sums_of_updates_from_two_to_the_62_on() {
    // The largest update cell of toy: 3 records * 255 (8-bit activations) * 128 (8-bit signals).
    let update = 3u128 * 255 * 128;
    let toy = Profile::builtin("toy").expect("builtin");
    assert_eq!(toy.bounds().update, update);
    let most = ((1u128 << 62) - 1) / update;
    assert!(toy_with("max_claims", &most.to_string()).is_ok());
    let refused = toy_with("max_claims", &(most + 1).to_string());
    let Err(ProfileError::TooLarge { what, value, bits: 62 }) = refused else { panic!("{refused:?}") };
    assert!(what.starts_with("update cell times max_claims"), "{what}");
    assert_eq!(value, update * (most + 1));
}

#[test]
fn rejects_pre_activations_and_targets_that_leave_62_bits() {
    let wide = toy_with("layers", "[6, 4, 3]").map(|p| Profile {
        layers: vec![1 << 20, 3],
        weight_bits: 32,
        feature_bits: 16,
        ..p
    });
    let message = wide.expect("toy").validate().expect_err("2^67").to_string();
    assert!(message.contains("pre-activation of layer 1 can reach"), "{message}");

    let deep = toy_with("layers", "[6, 4, 3]").map(|p| Profile {
        layers: vec![6, 4, 1 << 16],
        weight_bits: 32,
        weight_frac_bits: 4,
        activation_bits: 1,
        feature_bits: 1,
        signal_bits: 32,
        batch: 1,
        ..p
    });
    let message = deep.expect("toy").validate().expect_err("2^78").to_string();
    assert!(message.contains("back-propagated sum of layer 1 can reach"), "{message}");
}

#[test]
fn rejects_models_and_shards_larger_than_their_columns() {
    // 2^8 rows: 8 * 25 + 25 + 25 * 1 + 1 = 251 parameters fit, 9 inputs do not.
    assert!(toy_with("layers", "[8, 25, 1]").is_ok());
    let message = refusal("layers", "[9, 25, 1]");
    assert!(message.contains("weights and biases are 276; 2^k rows in weight_columns columns hold 256"), "{message}");
    let two =
        format!("{}\n", TOY.replace("weight_columns = 1", "weight_columns = 2").replace("[6, 4, 3]", "[9, 25, 1]"));
    assert!(Profile::from_toml(&two).is_ok());
    let message = refusal("batch", "43");
    assert!(message.contains("features of a shard are 258; 2^k rows in one column hold 256"), "{message}");
}

#[test]
fn bounds_of_the_headline_profile() {
    let bounds = Profile::builtin("mnist-mlp").expect("builtin").bounds();
    let weight = 1u128 << 15;
    let layers = [(784 * 255 + 255) * weight, (128 * 4095 + 255) * weight];
    assert_eq!(bounds.pre_activation, layers);
    assert_eq!(bounds.residual, layers[1] + 255 * 4096);
    assert_eq!(bounds.backprop, [10 * (1 << 15) * weight]);
    assert_eq!(bounds.update, (64 * 4095) << 15);
    assert_eq!(bounds.loss, (64 * 10) << 30);
    let cell = |input: u128| (64 * input) << 15;
    let (first, second, bias) = (cell(255), cell(4095), cell(255));
    let norm = 128 * (784 * first.pow(2) + bias.pow(2)) + 10 * (128 * second.pow(2) + bias.pow(2));
    assert_eq!(bounds.norm, norm);
}
