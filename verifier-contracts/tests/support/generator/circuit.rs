//! A circuit made to order: gates are random sums of products of cells and powers of challenges,
//! each equal to a cell that the witness computes.

use halo2_proofs::{
    circuit::{Layouter, Region, SimpleFloorPlanner, Value},
    halo2curves::{bn256::Fr, ff::Field},
    plonk::{
        Advice, Challenge, Circuit, Column, ConstraintSystem, Error, Expression, FirstPhase, Fixed, Instance,
        SecondPhase,
    },
    poly::Rotation,
};

/// What the circuit looks like.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    pub name: &'static str,
    pub k: u32,
    /// Columns of random values, in the first phase.
    pub data: usize,
    /// Columns of results, in the second phase if there are challenges.
    pub results: usize,
    /// Selector columns; gates of one selector share its rows.
    pub selectors: usize,
    pub gates_per_selector: usize,
    pub terms: usize,
    /// Factors of a term's product, so the degree is one more.
    pub factors: usize,
    pub challenges: usize,
    /// Powers of challenges go up to 2^this.
    pub power_log: usize,
    /// Rotations of data columns; column c uses `per_column` of them from c on, or the same where 0.
    pub rotations: Vec<i32>,
    pub per_column: usize,
    pub instances: usize,
    pub instance_rotations: Vec<i32>,
    /// A fixed column that is zero everywhere: its commitment is the identity.
    pub zero_column: bool,
    /// `set_minimum_degree`, if any.
    pub minimum_degree: Option<usize>,
}

impl Spec {
    /// One phase, no challenge, columns that share their opening points, degree 5.
    pub fn narrow() -> Self {
        Spec {
            name: "Narrow",
            k: 7,
            data: 3,
            results: 1,
            selectors: 2,
            gates_per_selector: 2,
            terms: 3,
            factors: 4,
            rotations: vec![0, 1, -1],
            instances: 1,
            instance_rotations: vec![0],
            zero_column: true,
            ..Spec::default()
        }
    }

    /// Two phases, two challenges, far rotations, three instances read around row 0.
    pub fn middle() -> Self {
        Spec {
            name: "Middle",
            k: 9,
            data: 4,
            results: 2,
            selectors: 3,
            gates_per_selector: 4,
            terms: 6,
            factors: 2,
            challenges: 2,
            power_log: 7,
            rotations: vec![0, -1, 2, -64, 65, 100, -100],
            per_column: 4,
            instances: 3,
            instance_rotations: vec![0, 1, 2],
            ..Spec::default()
        }
    }

    /// The size of a training circuit: twelve columns, eighty evaluations, sixty gates.
    pub fn wide() -> Self {
        let far = [63, 64, 65, 100, 127, 128, 129, 150, 160, 190, 192, 200];
        let near = [0, -1, 1, -2, 2, -3, 3, -4, -5, -6, -7];
        Spec {
            name: "Wide",
            k: 10,
            data: 9,
            results: 3,
            selectors: 10,
            gates_per_selector: 6,
            terms: 10,
            factors: 2,
            challenges: 5,
            power_log: 12,
            rotations: near.into_iter().chain(far).chain(far.map(|r| -r)).collect(),
            per_column: 7,
            instances: 3,
            instance_rotations: vec![0, 1, 2],
            ..Spec::default()
        }
    }

    /// Rotations of one data column.
    fn of_column(&self, column: usize) -> Vec<i32> {
        if self.per_column == 0 {
            return self.rotations.clone();
        }
        let n = self.rotations.len();
        let mut own = vec![0];
        let mut i = column * 4 + 1;
        while own.len() < self.per_column {
            let rotation = self.rotations[i % n];
            if !own.contains(&rotation) {
                own.push(rotation);
            }
            i += 1;
        }
        own
    }

    /// The row at which selector `s` is on.
    fn row(&self, s: usize) -> usize {
        (1 << self.k) / 3 + 8 * s
    }

    /// Where gate `g` of a selector finds its result: column and rotation.
    fn result(&self, g: usize) -> (usize, i32) {
        (g % self.results, (g / self.results) as i32)
    }

    /// The terms of gate `g` of selector `s`.
    fn gate(&self, s: usize, g: usize) -> Vec<Term> {
        let mut random = Random(1 + (s * self.gates_per_selector + g) as u64);
        let all: Vec<(usize, i32)> =
            (0..self.data).flat_map(|c| self.of_column(c).into_iter().map(move |r| (c, r))).collect();
        (0..self.terms)
            .map(|t| Term {
                constant: match random.below(4) {
                    0 => -Fr::from(random.below(1 << 16) as u64),
                    1 => Fr::from(3).invert().unwrap_or(Fr::ONE),
                    2 => Fr::ONE,
                    _ => Fr::from(random.below(1 << 24) as u64),
                },
                power: (self.challenges > 0).then(|| {
                    let log = random.below(self.power_log + 1);
                    (random.below(self.challenges), log)
                }),
                // The first factors walk through all cells, so that each is read somewhere.
                factors: (0..self.factors)
                    .map(|f| {
                        let first = (s * self.gates_per_selector + g) * self.terms + t;
                        let n = if f == 0 { first } else { random.below(all.len()) };
                        all[n % all.len()]
                    })
                    .collect(),
            })
            .collect()
    }
}

struct Term {
    constant: Fr,
    power: Option<(usize, usize)>,
    factors: Vec<(usize, i32)>,
}

/// A small generator of test data (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// The circuit with its witness seed and instances.
#[derive(Clone, Debug, Default)]
pub struct Synthetic {
    pub spec: Spec,
    pub seed: u64,
    pub instances: Vec<Fr>,
}

impl Synthetic {
    pub fn new(spec: Spec, seed: u64) -> Self {
        let mut random = Random(seed);
        let instances = (0..spec.instances).map(|_| Fr::from(random.next()) * Fr::from(random.next())).collect();
        Synthetic { spec, seed, instances }
    }
}

#[derive(Clone, Debug)]
pub struct Config {
    data: Vec<Column<Advice>>,
    results: Vec<Column<Advice>>,
    selectors: Vec<Column<Fixed>>,
    first: Column<Fixed>,
    challenges: Vec<Challenge>,
    usable: usize,
}

fn power(base: &Expression<Fr>, log: usize) -> Expression<Fr> {
    (0..log).fold(base.clone(), |p, _| p.clone() * p)
}

impl Circuit<Fr> for Synthetic {
    type Config = Config;
    type FloorPlanner = SimpleFloorPlanner;
    type Params = Spec;

    fn params(&self) -> Spec {
        self.spec.clone()
    }

    fn without_witnesses(&self) -> Self {
        self.clone()
    }

    fn configure(_: &mut ConstraintSystem<Fr>) -> Config {
        unreachable!("configured with params")
    }

    fn configure_with_params(meta: &mut ConstraintSystem<Fr>, spec: Spec) -> Config {
        let data: Vec<_> = (0..spec.data).map(|_| meta.advice_column()).collect();
        let results: Vec<_> = (0..spec.results)
            .map(|_| match spec.challenges {
                0 => meta.advice_column(),
                _ => meta.advice_column_in(SecondPhase),
            })
            .collect();
        let challenges: Vec<_> = (0..spec.challenges).map(|_| meta.challenge_usable_after(FirstPhase)).collect();
        let selectors: Vec<_> = (0..spec.selectors).map(|_| meta.fixed_column()).collect();
        let first = meta.fixed_column();
        let instance: Column<Instance> = meta.instance_column();
        for (s, selector) in selectors.iter().enumerate() {
            meta.create_gate("sum of products", |meta| {
                let on = meta.query_fixed(*selector, Rotation::cur());
                (0..spec.gates_per_selector)
                    .map(|g| {
                        let sum = spec.gate(s, g).into_iter().map(|term| {
                            let product = term
                                .factors
                                .iter()
                                .map(|(c, r)| meta.query_advice(data[*c], Rotation(*r)))
                                .reduce(|a, b| a * b)
                                .expect("a factor");
                            match term.power {
                                Some((c, log)) => {
                                    power(&meta.query_challenge(challenges[c]), log) * product * term.constant
                                }
                                None => product * term.constant,
                            }
                        });
                        let sum = sum.reduce(|a, b| a + b).expect("a term");
                        let (column, rotation) = spec.result(g);
                        let result = meta.query_advice(results[column], Rotation(rotation));
                        on.clone() * (sum - result)
                    })
                    .collect::<Vec<_>>()
            });
        }
        meta.create_gate("instances", |meta| {
            let on = meta.query_fixed(first, Rotation::cur());
            spec.instance_rotations
                .iter()
                .map(|r| {
                    let cell = meta.query_advice(data[0], Rotation(*r));
                    on.clone() * (cell - meta.query_instance(instance, Rotation(*r)))
                })
                .collect::<Vec<_>>()
        });
        if spec.zero_column {
            let zero = meta.fixed_column();
            meta.create_gate("nothing", |meta| {
                let zero = meta.query_fixed(zero, Rotation::cur());
                vec![zero * meta.query_advice(data[0], Rotation::cur())]
            });
        }
        if let Some(degree) = spec.minimum_degree {
            meta.set_minimum_degree(degree);
        }
        Config { data, results, selectors, first, challenges, usable: (1 << spec.k) - meta.blinding_factors() - 1 }
    }

    fn synthesize(&self, config: Config, mut layouter: impl Layouter<Fr>) -> Result<(), Error> {
        layouter.assign_region(|| "all", |mut region| self.assign(&config, &mut region))
    }
}

impl Synthetic {
    fn assign(&self, config: &Config, region: &mut Region<'_, Fr>) -> Result<(), Error> {
        let spec = &self.spec;
        let mut random = Random(self.seed ^ 0x5eed);
        let mut data: Vec<Vec<Fr>> =
            (0..spec.data).map(|_| (0..config.usable).map(|_| Fr::from(random.next())).collect()).collect();
        data[0][..spec.instances].copy_from_slice(&self.instances);
        for (column, values) in config.data.iter().zip(&data) {
            for (row, value) in values.iter().enumerate() {
                region.assign_advice(*column, row, Value::known(*value));
            }
        }
        region.assign_fixed(config.first, 0, Fr::ONE);
        for (s, selector) in config.selectors.iter().enumerate() {
            region.assign_fixed(*selector, spec.row(s), Fr::ONE);
        }
        if spec.challenges > 0 {
            region.next_phase();
        }
        let challenges: Vec<Fr> = config
            .challenges
            .iter()
            .map(|c| {
                let mut value = Fr::ZERO;
                region.get_challenge(*c).map(|v| value = v);
                value
            })
            .collect();
        for s in 0..spec.selectors {
            for g in 0..spec.gates_per_selector {
                let cell = |c: usize, r: i32| {
                    let row = (spec.row(s) as i32 + r) as usize % (1 << spec.k);
                    data[c].get(row).copied().unwrap_or_default()
                };
                let sum: Fr = spec
                    .gate(s, g)
                    .iter()
                    .map(|term| {
                        let product: Fr = term.factors.iter().map(|(c, r)| cell(*c, *r)).product();
                        let power = term.power.map_or(Fr::ONE, |(c, log)| challenges[c].pow([1u64 << log]));
                        product * power * term.constant
                    })
                    .sum();
                let (column, rotation) = spec.result(g);
                let row = (spec.row(s) as i32 + rotation) as usize;
                region.assign_advice(config.results[column], row, Value::known(sum));
            }
        }
        Ok(())
    }
}
