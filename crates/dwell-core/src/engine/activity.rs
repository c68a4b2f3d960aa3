//! What counts as activity: the one place that decides (laws L2 and L17).
//!
//! Evidence is taken in this order, each later piece only weakening: the
//! route's mark, the request's own declaration, fetch metadata, the answer's
//! status. The deciding piece is kept with the decision, so that an event can
//! say why.

use serde::Serialize;

use crate::policy::Unmarked;

/// Whether a request shows that a person is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Activity {
    /// A person is there: the idle deadline moves.
    Active,
    /// Nobody needs to be there: nothing moves.
    Passive,
}

/// What a route says of its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum RouteMark {
    /// Requests are activity, also where unmarked ones are not.
    Active,
    /// Requests are never activity.
    Passive,
    /// The route says nothing.
    #[default]
    Unmarked,
}

impl RouteMark {
    /// Both marks together: passive beats active, anything beats nothing.
    #[must_use]
    pub const fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Passive, _) | (_, Self::Passive) => Self::Passive,
            (Self::Active, _) | (_, Self::Active) => Self::Active,
            (Self::Unmarked, Self::Unmarked) => Self::Unmarked,
        }
    }
}

/// What a request says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Declaration {
    /// It says that it is activity. Heard only on unmarked routes of a policy
    /// whose unmarked requests are passive.
    Active,
    /// It says nothing.
    #[default]
    None,
    /// It says that it is passive, or says something that nobody understands.
    Passive,
}

/// What the browser says of a request, in headers that a page can't forge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Fetch {
    /// Nothing that weakens.
    #[default]
    Plain,
    /// A subresource of another site, or fetch metadata that nobody
    /// understands.
    CrossSite,
    /// A prefetch or prerender.
    Prefetch,
    /// A request that the browser makes on its own: a preflight, or the
    /// refresh of a device-bound credential.
    Background,
}

/// The evidence that a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct RequestEvidence {
    /// What the request says of itself.
    pub declaration: Declaration,
    /// What the browser says of it.
    pub fetch: Fetch,
}

impl RequestEvidence {
    /// The packed form of "nothing has been seen yet".
    pub(crate) const UNSEEN: u8 = u8::MAX;

    /// One byte, which a handle keeps without a lock.
    pub(crate) const fn to_bits(self) -> u8 {
        (self.declaration as u8) << 2 | self.fetch as u8
    }

    /// The evidence packed in a byte; nothing weakens where nothing was seen.
    pub(crate) fn from_bits(bits: u8) -> Self {
        if bits == Self::UNSEEN {
            return Self::default();
        }
        Self {
            declaration: match bits >> 2 {
                0 => Declaration::Active,
                1 => Declaration::None,
                _ => Declaration::Passive,
            },
            fetch: match bits & 3 {
                0 => Fetch::Plain,
                1 => Fetch::CrossSite,
                2 => Fetch::Prefetch,
                _ => Fetch::Background,
            },
        }
    }

    /// Both together: the weaker of each.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let declaration = match (self.declaration, other.declaration) {
            (Declaration::Passive, _) | (_, Declaration::Passive) => Declaration::Passive,
            (Declaration::Active, Declaration::Active) => Declaration::Active,
            _ => Declaration::None,
        };
        let fetch = if self.fetch == Fetch::Plain {
            other.fetch
        } else {
            self.fetch
        };
        Self { declaration, fetch }
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was answered with this HTTP status.
    Answered(u16),
    /// The client left before there was an answer.
    Disconnected,
}

impl Outcome {
    /// Whether the answer shows that the request was refused or failed:
    /// 401, 403, 429 and 5xx (law L2, N9).
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        matches!(self, Self::Answered(401 | 403 | 429 | 500..))
    }
}

/// The piece of evidence that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The route's mark.
    Route,
    /// How the policy sees unmarked routes.
    Policy,
    /// The request's own declaration.
    Declaration,
    /// Fetch metadata.
    Fetch,
    /// The answer's status.
    Status,
}

/// Decides whether a request counts, and by which evidence.
///
/// ```
/// use dwell_core::{Activity, Outcome, RequestEvidence, RouteMark, Unmarked, classify};
///
/// let (activity, _) = classify(
///     Unmarked::Active,
///     RouteMark::Passive,
///     RequestEvidence::default(),
///     Outcome::Answered(200),
/// );
/// assert_eq!(activity, Activity::Passive);
/// ```
#[must_use]
pub fn classify(
    unmarked: Unmarked,
    route: RouteMark,
    request: RequestEvidence,
    outcome: Outcome,
) -> (Activity, Evidence) {
    let passive = |evidence| (Activity::Passive, evidence);
    let start = match (route, unmarked, request.declaration) {
        (RouteMark::Passive, ..) => return passive(Evidence::Route),
        (RouteMark::Active, ..) => Evidence::Route,
        (RouteMark::Unmarked, Unmarked::Active, _) => Evidence::Policy,
        (RouteMark::Unmarked, Unmarked::Passive, Declaration::Active) => Evidence::Declaration,
        (RouteMark::Unmarked, Unmarked::Passive, _) => return passive(Evidence::Policy),
    };
    if request.declaration == Declaration::Passive {
        return passive(Evidence::Declaration);
    }
    if request.fetch != Fetch::Plain {
        return passive(Evidence::Fetch);
    }
    if outcome.is_refusal() {
        return passive(Evidence::Status);
    }
    (Activity::Active, start)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: Outcome = Outcome::Answered(200);

    fn declared(declaration: Declaration) -> RequestEvidence {
        RequestEvidence {
            declaration,
            fetch: Fetch::Plain,
        }
    }

    fn decide(route: RouteMark, request: RequestEvidence, outcome: Outcome) -> Activity {
        classify(Unmarked::Active, route, request, outcome).0
    }

    #[test]
    fn l02_refused_and_failed_requests_are_not_activity() {
        let plain = RequestEvidence::default();
        for status in [401, 403, 429, 500, 502, 503, 599] {
            let (activity, why) = classify(
                Unmarked::Active,
                RouteMark::Active,
                plain,
                Outcome::Answered(status),
            );
            assert_eq!(
                (activity, why),
                (Activity::Passive, Evidence::Status),
                "{status}"
            );
        }
        for status in [101, 200, 204, 302, 400, 404, 409, 422] {
            assert_eq!(
                decide(RouteMark::Unmarked, plain, Outcome::Answered(status)),
                Activity::Active
            );
        }
    }

    #[test]
    fn l02_background_fetches_are_not_activity_even_on_active_routes() {
        for fetch in [Fetch::CrossSite, Fetch::Prefetch, Fetch::Background] {
            let request = RequestEvidence {
                declaration: Declaration::Active,
                fetch,
            };
            assert_eq!(decide(RouteMark::Active, request, OK), Activity::Passive);
        }
    }

    #[test]
    fn l17_a_request_cannot_declare_itself_active_on_a_passive_route() {
        for unmarked in [Unmarked::Active, Unmarked::Passive] {
            let (activity, why) = classify(
                unmarked,
                RouteMark::Passive,
                declared(Declaration::Active),
                OK,
            );
            assert_eq!((activity, why), (Activity::Passive, Evidence::Route));
        }
    }

    #[test]
    fn n02_a_declaration_only_weakens() {
        for route in [RouteMark::Active, RouteMark::Passive, RouteMark::Unmarked] {
            for outcome in [OK, Outcome::Answered(403), Outcome::Disconnected] {
                let silent = decide(route, declared(Declaration::None), outcome);
                let active = decide(route, declared(Declaration::Active), outcome);
                assert_eq!(silent, active, "{route:?} {outcome:?}");
                let passive = decide(route, declared(Declaration::Passive), outcome);
                assert_eq!(passive, Activity::Passive);
            }
        }
    }

    #[test]
    fn n03_in_strict_mode_only_marked_routes_and_requests_count() {
        let strict =
            |route, declaration| classify(Unmarked::Passive, route, declared(declaration), OK).0;
        assert_eq!(
            strict(RouteMark::Unmarked, Declaration::None),
            Activity::Passive
        );
        assert_eq!(
            strict(RouteMark::Unmarked, Declaration::Active),
            Activity::Active
        );
        assert_eq!(
            strict(RouteMark::Active, Declaration::None),
            Activity::Active
        );
        assert_eq!(
            strict(RouteMark::Active, Declaration::Passive),
            Activity::Passive
        );
    }

    #[test]
    fn packing_evidence_loses_nothing() {
        use Declaration as D;
        for declaration in [D::Active, D::None, D::Passive] {
            for fetch in [
                Fetch::Plain,
                Fetch::CrossSite,
                Fetch::Prefetch,
                Fetch::Background,
            ] {
                let evidence = RequestEvidence { declaration, fetch };
                let bits = evidence.to_bits();
                assert_ne!(bits, RequestEvidence::UNSEEN);
                assert_eq!(RequestEvidence::from_bits(bits), evidence);
            }
        }
    }

    #[test]
    fn n04_merging_marks_and_evidence_knows_no_order() {
        use Declaration as D;
        let marks = [RouteMark::Active, RouteMark::Passive, RouteMark::Unmarked];
        for a in marks {
            for b in marks {
                assert_eq!(a.merge(b), b.merge(a));
                assert_eq!(a.merge(b).merge(b), a.merge(b));
            }
        }
        let fetches = [Fetch::Plain, Fetch::CrossSite, Fetch::Prefetch];
        for a in [D::Active, D::None, D::Passive] {
            for b in [D::Active, D::None, D::Passive] {
                for f in fetches {
                    for g in fetches {
                        let x = RequestEvidence {
                            declaration: a,
                            fetch: f,
                        };
                        let y = RequestEvidence {
                            declaration: b,
                            fetch: g,
                        };
                        let verdict = |e| decide(RouteMark::Active, e, OK);
                        assert_eq!(verdict(x.merge(y)), verdict(y.merge(x)));
                    }
                }
            }
        }
    }
}
