//! Why a verifier refuses, in one form for all of them.

use sha3::{Digest, Keccak256};

use super::evm::Outcome;

/// What a verifier found wrong; positions are bytes of the proof, or indices of instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The proof has another length.
    Length,
    /// Another number of instances.
    Count,
    /// An instance is not below r.
    Instance(usize),
    /// A point is not canonical, not on the curve, or the identity.
    Point(usize),
    /// A scalar is not below r.
    Scalar(usize),
    /// Well-formed, and the equations do not hold.
    Equation,
    /// The two commitments of a link are one.
    Same,
    /// A precompile refused.
    Precompile,
    /// Solidity's decoder refused the calldata: a revert without data.
    Abi,
    /// Out of gas, or another halt.
    Halt,
    /// An error that no verifier should give.
    Other,
}

impl Fault {
    /// The fault without its position.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Length => "length",
            Fault::Count => "count",
            Fault::Instance(_) => "instance",
            Fault::Point(_) => "point",
            Fault::Scalar(_) => "scalar",
            Fault::Equation => "equation",
            Fault::Same => "same",
            Fault::Precompile => "precompile",
            Fault::Abi => "abi",
            Fault::Halt => "halt",
            Fault::Other => "other",
        }
    }

    /// Whether it is found by reading alone, before anything is computed.
    pub fn is_early(self) -> bool {
        use Fault::*;
        matches!(self, Length | Count | Instance(_) | Point(_) | Scalar(_) | Abi)
    }
}

impl Outcome {
    /// What a generated verifier said.
    pub fn verdict(&self) -> Result<(), Fault> {
        if self.success {
            return Ok(());
        }
        if self.halted {
            return Err(Fault::Halt);
        }
        let Some((selector, data)) = self.output.split_first_chunk::<4>() else {
            return Err(if self.output.is_empty() { Fault::Abi } else { Fault::Other });
        };
        // The lower half of the first argument holds every position.
        let at = data.get(24..32).and_then(|low| low.try_into().ok()).map_or(0, u64::from_be_bytes) as usize;
        let known = [
            ("ProofLength(uint256,uint256)", Fault::Length),
            ("InstanceCount(uint256,uint256)", Fault::Count),
            ("InstanceNotCanonical(uint256)", Fault::Instance(at)),
            ("PointInvalid(uint256)", Fault::Point(at)),
            ("ScalarNotCanonical(uint256)", Fault::Scalar(at)),
            ("PairingFailed()", Fault::Equation),
            ("PrecompileFailed()", Fault::Precompile),
        ];
        let is = |signature: &str| Keccak256::digest(signature.as_bytes())[..4] == *selector;
        Err(known.iter().find(|(signature, _)| is(signature)).map_or(Fault::Other, |(_, fault)| *fault))
    }
}
