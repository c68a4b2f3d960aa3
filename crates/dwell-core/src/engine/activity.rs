//! Decides what counts as activity (laws L2 and L17).
//!
//! Evidence is weighed in this order: the route's mark, the request's own
//! declaration, fetch metadata, the answer's status. Each later piece can only
//! turn activity into none. The deciding piece is returned with the decision,
//! so that an event can name it.

use serde::Serialize;

use crate::policy::Unmarked;

/// Whether a request counts as activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[allow(
    clippy::exhaustive_enums,
    reason = "a request either counts or it does not"
)]
#[serde(rename_all = "lowercase")]
pub enum Activity {
    /// The request counts: the idle deadline moves.
    Active,
    /// The request does not count: no deadline moves.
    Passive,
}

/// How a route is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[allow(
    clippy::exhaustive_enums,
    reason = "a mark says yes, no, or is missing"
)]
pub enum RouteMark {
    /// Its requests are activity, even where unmarked routes are passive.
    Active,
    /// Its requests are never activity.
    Passive,
    /// It has no mark; the policy's [`Unmarked`] decides. The default.
    #[default]
    Unmarked,
}

/// What a request declares about itself, by the field `Session-Activity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Declaration {
    /// It is activity. Only effective on unmarked routes of a policy whose
    /// unmarked requests are passive.
    Active,
    /// Nothing. The default.
    #[default]
    None,
    /// It is passive, or the declaration can't be understood.
    Passive,
}

/// What the browser's fetch metadata says about a request. Pages can't forge
/// these fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Fetch {
    /// Nothing against activity. The default.
    #[default]
    Plain,
    /// A page navigation that no person is known to have started. It counts unless
    /// the policy says otherwise
    /// ([`PolicyBuilder::unprompted_navigations`](crate::PolicyBuilder::unprompted_navigations)).
    Unprompted,
    /// A subresource request from another site, or metadata that can't be
    /// understood.
    CrossSite,
    /// A prefetch or prerender.
    Prefetch,
    /// A request that nobody asked for: a preflight, the refresh of a
    /// device-bound credential, a report, media, or an event stream.
    Background,
}

impl Fetch {
    /// Returns `true` if it speaks against activity under any policy.
    #[must_use]
    pub const fn is_background(self) -> bool {
        !matches!(self, Self::Plain | Self::Unprompted)
    }
}

/// The evidence that a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs, reason = "layers construct it")]
pub struct RequestEvidence {
    /// What the request declares about itself.
    pub declaration: Declaration,
    /// What the browser says about it.
    pub fetch: Fetch,
}

impl RequestEvidence {
    /// The packed form of evidence that was never added.
    pub(crate) const UNSEEN: u8 = u8::MAX;

    /// Packs the evidence into one byte, which a handle keeps without a lock.
    pub(crate) const fn to_bits(self) -> u8 {
        (self.declaration as u8) << 3 | self.fetch as u8
    }

    /// Unpacks the evidence; [`UNSEEN`](Self::UNSEEN) is the default.
    pub(crate) fn from_bits(bits: u8) -> Self {
        if bits == Self::UNSEEN {
            return Self::default();
        }
        Self {
            declaration: match bits >> 3 {
                0 => Declaration::Active,
                1 => Declaration::None,
                _ => Declaration::Passive,
            },
            fetch: match bits & 7 {
                0 => Fetch::Plain,
                1 => Fetch::Unprompted,
                2 => Fetch::CrossSite,
                3 => Fetch::Prefetch,
                _ => Fetch::Background,
            },
        }
    }

    /// Combines two pieces of evidence: of each part, what speaks more against
    /// activity.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let declaration = match (self.declaration, other.declaration) {
            (Declaration::Passive, _) | (_, Declaration::Passive) => Declaration::Passive,
            (Declaration::Active, Declaration::Active) => Declaration::Active,
            _ => Declaration::None,
        };
        let fetch = match (self.fetch, other.fetch) {
            (Fetch::Plain, other) => other,
            (Fetch::Unprompted, other) if other != Fetch::Plain => other,
            (this, _) => this,
        };
        Self { declaration, fetch }
    }
}

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The request was answered with this HTTP status.
    Answered(u16),
    /// The client disconnected before the answer.
    Disconnected,
}

impl Outcome {
    /// Returns `true` if the request was refused or failed, or found nothing:
    /// 401, 403, 404, 405, 410, 429 and 5xx (law L2, N9, N70).
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::Answered(401 | 403 | 404 | 405 | 410 | 429 | 500..)
        )
    }
}

/// The piece of evidence that decided whether a request counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The route's mark.
    Route,
    /// The policy's setting for unmarked routes.
    Policy,
    /// The request's own declaration.
    Declaration,
    /// Fetch metadata.
    Fetch,
    /// The answer's status.
    Status,
}

/// Decides whether a request counts as activity, and returns the piece of
/// evidence that decided.
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
    if request.fetch.is_background() {
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
        for status in [401, 403, 404, 405, 410, 429, 500, 502, 503, 599] {
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
        for status in [101, 200, 204, 302, 400, 409, 422] {
            assert_eq!(
                decide(RouteMark::Unmarked, plain, Outcome::Answered(status)),
                Activity::Active
            );
        }
    }

    #[test]
    fn l02_background_fetches_are_never_activity() {
        for fetch in [Fetch::CrossSite, Fetch::Prefetch, Fetch::Background] {
            let request = RequestEvidence {
                declaration: Declaration::Active,
                fetch,
            };
            assert_eq!(decide(RouteMark::Active, request, OK), Activity::Passive);
        }
    }

    #[test]
    fn l17_request_cannot_make_passive_route_active() {
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
    fn n02_declaration_only_weakens() {
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
    fn n03_strict_mode_counts_only_what_is_marked() {
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
    fn n04_evidence_merges_in_any_order() {
        use Declaration as D;
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
