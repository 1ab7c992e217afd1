//! Taints of nodes and tolerations of pods.

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TaintEffect {
    /// They are not scheduled there.
    NoSchedule,
    /// They are scheduled elsewhere if possible.
    PreferNoSchedule,
    /// They are not scheduled there, and evicted (all taints here are there from the start, so it acts as
    /// `NoSchedule`).
    NoExecute,
}

impl TaintEffect {
    /// Names in manifests.
    pub const NAMES: [(Self, &'static str); 3] = [
        (Self::NoSchedule, "NoSchedule"),
        (Self::PreferNoSchedule, "PreferNoSchedule"),
        (Self::NoExecute, "NoExecute"),
    ];
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value, may be empty.
    pub value: String,
    /// What it does.
    pub effect: TaintEffect,
}

/// A toleration of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toleration {
    /// Key; `None` tolerates any.
    pub key: Option<String>,
    /// Value (operator `Equal`); `None` tolerates any (operator `Exists`).
    pub value: Option<String>,
    /// Effect; `None` tolerates any.
    pub effect: Option<TaintEffect>,
}

impl Toleration {
    /// Whether it tolerates the taint.
    #[must_use]
    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.effect.is_none_or(|effect| effect == taint.effect)
            && self.key.as_ref().is_none_or(|key| *key == taint.key)
            && self
                .value
                .as_ref()
                .is_none_or(|value| *value == taint.value)
    }
}

/// The first taint that keeps the pod away and is not tolerated.
#[must_use]
pub fn untolerated<'t>(taints: &'t [Taint], tolerations: &[Toleration]) -> Option<&'t Taint> {
    taints.iter().find(|taint| {
        taint.effect != TaintEffect::PreferNoSchedule
            && !tolerations
                .iter()
                .any(|toleration| toleration.tolerates(taint))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taint(effect: TaintEffect) -> Taint {
        Taint {
            key: "dedicated".into(),
            value: "search".into(),
            effect,
        }
    }

    #[test]
    fn a_toleration_matches_by_key_value_and_effect() {
        let equal = |value: &str| Toleration {
            key: Some("dedicated".into()),
            value: Some(value.into()),
            effect: Some(TaintEffect::NoSchedule),
        };
        assert!(equal("search").tolerates(&taint(TaintEffect::NoSchedule)));
        assert!(!equal("ads").tolerates(&taint(TaintEffect::NoSchedule)));
        assert!(!equal("search").tolerates(&taint(TaintEffect::NoExecute)));
        let any = Toleration {
            key: None,
            value: None,
            effect: None,
        };
        assert!(any.tolerates(&taint(TaintEffect::NoExecute)));
    }

    #[test]
    fn a_taint_that_only_prefers_keeps_nobody_away() {
        assert_eq!(
            untolerated(&[taint(TaintEffect::PreferNoSchedule)], &[]),
            None
        );
        let hard = [taint(TaintEffect::NoExecute)];
        assert_eq!(untolerated(&hard, &[]), Some(&hard[0]));
    }
}
