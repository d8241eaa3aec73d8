//! The way from what a server holds to the present configuration.

use super::compare::overlay;
use super::{Draft, Lifecycle};
use crate::body::{Body, Course};
use crate::book::BookError;
use crate::guards::{Case, Finding, Verdict, judge};
use crate::health::{ENDPOINT, rendered, served_steps};
use crate::ledger::{Drift, ServerId, ServerState};
use crate::marker::Holding;
use crate::plan::{CutError, FORMAT, Steps, cut_configured};
use crate::safeguards::{Safeguard, Safeguards};
use crate::time::Time;
use dns::{Digest, RRset, Rtype, Zone};
use std::sync::Arc;

/// Why there is no way.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CourseError {
    /// A body is missing or damaged.
    #[error(transparent)]
    Book(#[from] BookError),
    /// The changes do not fit.
    #[error(transparent)]
    Cut(#[from] CutError),
    /// What stands beside what is owned is not known yet, and guards need to see it.
    #[error("the zone has not been transferred yet")]
    Unseen,
    /// Guards refuse a state on the way.
    #[error("guards refuse the way from what the server holds: {}", .0.iter().map(|f| f.why.as_str()).collect::<Vec<_>>().join("; "))]
    Guards(Vec<Finding>),
}

/// One step of a way.
pub(super) struct Leg {
    /// The plan or course.
    pub(super) body: Digest,
    /// The body, where it is new.
    pub(super) fresh: Option<Arc<Body>>,
    /// Which step, counted from 1.
    pub(super) step: u32,
    /// How many there are.
    pub(super) of: u32,
}

impl<S: Safeguards> Lifecycle<S> {
    /// The next step of `server` towards `target`.
    pub(super) fn leg(
        &mut self,
        now: Time,
        id: &ServerId,
        server: &ServerState,
        target: u64,
        draft: &Draft,
    ) -> Result<Option<Leg>, CourseError> {
        let Some(holding) = server.holding().copied() else {
            return Ok(None);
        };
        let settled = server.restored.is_none() && !server.drift.iter().any(|d| d.overwrite);
        if !holding.is_whole() && settled && self.leads(&holding.body, id, target, server, draft) {
            let (step, of) = (holding.step + 1, holding.of);
            return Ok(Some(Leg {
                body: holding.body,
                fresh: None,
                step,
                of,
            }));
        }
        if holding.is_whole()
            && settled
            && let Some(body) = self.plan_after(holding.configuration, target, draft)
            && self.leads(&body, id, target, server, draft)
        {
            let of = self
                .body(&body, draft)
                .and_then(|b| b.steps())
                .map_or(1, |s| s.count());
            return Ok(Some(Leg {
                body,
                fresh: None,
                step: 1,
                of,
            }));
        }
        if target > self.state().configuration {
            // Only the draft knows it: when that is appended, the way is made.
            return Ok(None);
        }
        self.course(now, id, server, target, draft).map(Some)
    }

    /// A body of the ledger or of the draft.
    fn body<'b>(&'b self, hash: &Digest, draft: &'b Draft) -> Option<&'b Arc<Body>> {
        self.book.body(hash).or_else(|| draft.body(hash))
    }

    /// Whether the body leads this server to `target`. Where something drifted it does not: guards
    /// judged it by what the ledger says, and a critical name may now rest on what it takes away.
    fn leads(
        &self,
        hash: &Digest,
        id: &ServerId,
        target: u64,
        server: &ServerState,
        draft: &Draft,
    ) -> bool {
        let fits = match self.body(hash, draft).map(AsRef::as_ref) {
            Some(Body::Plan(plan)) => plan.generation() == target,
            Some(Body::Course(course)) => course.to == target && &course.server == id,
            _ => false,
        };
        fits && server.drift.is_empty()
    }

    fn plan_after(&self, from: u64, target: u64, draft: &Draft) -> Option<Digest> {
        let hash = draft.state().generations.get(&target)?.plan?;
        match self.body(&hash, draft)?.as_ref() {
            Body::Plan(plan) if plan.parent == from => Some(hash),
            _ => None,
        }
    }

    /// Makes a course: what the server holds, drift included, to what it shall hold, drift that
    /// nobody decided about left as it is.
    fn course(
        &mut self,
        now: Time,
        id: &ServerId,
        server: &ServerState,
        target: u64,
        draft: &Draft,
    ) -> Result<Leg, CourseError> {
        let Some(from) = server.holding().copied() else {
            return Err(BookError::Missing(Digest::default(), target).into());
        };
        let state = draft.shared_state();
        let health = state.endpoints.sight(&from);
        let (held, goal) = self.ends(&from, server, target)?;
        let before = self.with_context(&held).ok_or(CourseError::Unseen)?;
        let (cut, too_large) = cut_configured(&before, held.diff(&goal), &health, &self.policy);
        let direct = too_large.map_or(Ok(cut.steps), Err)?;
        // What guards see is what is answered.
        let before = overlay(&rendered(&before, &health), &server.drift, |_| true);
        let judged = |this: &Self, steps: &Steps| {
            let steps = served_steps(steps, &health);
            this.refusals(now, id, server, &before, &steps)
        };
        let steps = match judged(self, &direct) {
            refused if refused.is_empty() => direct,
            refused => {
                let between = (from.configuration, target);
                let apart = self.apart(server, between, (&held, &goal), &health);
                let mut apart = apart.into_iter();
                let passes = |steps: &Steps| judged(self, steps).is_empty();
                apart.find(passes).ok_or(CourseError::Guards(refused))?
            }
        };
        let zone = draft
            .state()
            .zone
            .clone()
            .unwrap_or_else(|| self.policy.zone.clone());
        let of = steps.count();
        let course = Course {
            format: FORMAT,
            zone,
            server: id.clone(),
            from,
            to: target,
            steps,
        };
        let fresh = Arc::new(Body::Course(course));
        let (body, _) = fresh.encode();
        Ok(Leg {
            body,
            fresh: Some(fresh),
            step: 1,
            of,
        })
    }

    /// What a server holds and what it shall hold, as configured, plain drift included. Where the
    /// addresses of an endpoint were edited, its definition stays as it is there until a person has
    /// decided; then a move puts today's addresses back.
    fn ends(
        &mut self,
        from: &Holding,
        server: &ServerState,
        target: u64,
    ) -> Result<(Zone, Zone), BookError> {
        let (held, goal) = (self.book.configured(from)?, self.book.content(target)?);
        let defined = |d: &Drift| {
            [&held, &goal]
                .iter()
                .any(|z| z.get(&d.name, ENDPOINT).is_some())
        };
        let family = [Rtype::A, Rtype::AAAA];
        let (at_endpoints, plain): (Vec<Drift>, Vec<Drift>) = server
            .drift
            .iter()
            .cloned()
            .partition(|d| family.contains(&d.rtype) && defined(d));
        let before = overlay(&held, &plain, |_| true);
        let after = overlay(&goal, &plain, |d| {
            self.safeguards.has(Safeguard::DriftStays) && !d.overwrite
        });
        if at_endpoints.is_empty() {
            return Ok((before, after));
        }
        let edited = |r: &RRset| {
            let types = [Rtype::A, Rtype::AAAA, ENDPOINT].contains(&r.rtype());
            types && at_endpoints.iter().any(|d| &d.name == r.name())
        };
        let stays = before.filter(edited);
        let others = after.filter(|r| !edited(r));
        let all = others.iter().chain(stays.iter()).cloned().collect();
        let after = Zone::new(others.apex().clone(), all).unwrap_or(after);
        Ok((before, after))
    }

    /// Why guards do not let a way pass.
    fn refusals(
        &self,
        now: Time,
        id: &ServerId,
        server: &ServerState,
        before: &Zone,
        steps: &Steps,
    ) -> Vec<Finding> {
        let abilities = [(id.clone(), server.origin.abilities.clone())];
        let case = Case {
            before,
            steps,
            back: None,
            plan: None,
            held: None,
            policy: &self.policy,
            abilities: &abilities,
            limited: false,
            history: &[],
            now,
        };
        let found = judge(&case).into_iter();
        let refuses =
            |f: &Finding| f.verdict == Verdict::Refuse && self.safeguards.enforces(&f.guard);
        found.filter(refuses).collect()
    }

    /// Owned content together with what else stands in the zone.
    pub(super) fn with_context(&self, owned: &Zone) -> Option<Zone> {
        let context = self.context.as_ref()?;
        let all = owned.iter().chain(context.iter()).cloned().collect();
        Zone::new(owned.apex().clone(), all).ok()
    }
}
