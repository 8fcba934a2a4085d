use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The future of one readiness check.
pub type CheckFuture = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// A readiness check that can be run.
pub type Check = Arc<dyn Fn() -> CheckFuture + Send + Sync>;

/// Whether a service can take work: what it owns is reachable, and it is not on its way out.
///
/// Liveness is not asked here. A process that answers at all is alive, and one whose database is
/// away must not be restarted for it.
///
/// Give a service only checks of what it owns. A check of a neighbour takes the whole fleet out
/// when that neighbour is slow.
///
/// ```
/// use mcsv_core::Health;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let health = Health::new();
/// health.add_check("database", || async { Err("no connection".to_owned()) });
///
/// let report = health.ready().await;
/// assert!(!report.is_ready());
/// assert_eq!(report.checks()[0].failure(), Some("no connection"));
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Health {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    draining: AtomicBool,
    checks: RwLock<Vec<(Box<str>, Check)>>,
}

impl Health {
    /// No checks: ready until it is set draining.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check of something that this service owns.
    ///
    /// The text of a failure is shown to whoever asks: it must hold no secret. The caller of
    /// [`ready`](Self::ready) bounds the time.
    pub fn add_check<F, Fut>(&self, name: &str, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        let check: Check = Arc::new(move || Box::pin(check()));
        let mut checks = self.inner.checks.write().unwrap_or_else(PoisonError::into_inner);
        checks.push((name.into(), check));
    }

    /// Says that no new work is welcome. There is no way back.
    pub fn set_draining(&self) {
        self.inner.draining.store(true, Ordering::Release);
    }

    /// Whether [`set_draining`](Self::set_draining) was called.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.inner.draining.load(Ordering::Acquire)
    }

    /// Runs the checks, one after another in the order in which they were added.
    pub async fn ready(&self) -> HealthReport {
        let mut checks = Vec::new();
        for (name, check) in self.checks() {
            checks.push(CheckReport { name, failure: check().await.err() });
        }
        HealthReport { draining: self.is_draining(), checks }
    }

    /// The checks with their names, for a caller that runs them under time limits of its own.
    pub fn checks(&self) -> Vec<(Box<str>, Check)> {
        self.inner.checks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").field("draining", &self.is_draining()).finish_non_exhaustive()
    }
}

/// What [`Health::ready`] found.
#[derive(Debug, Clone)]
pub struct HealthReport {
    draining: bool,
    checks: Vec<CheckReport>,
}

impl HealthReport {
    /// A report of checks that ran elsewhere.
    #[must_use]
    pub fn new(draining: bool, checks: Vec<CheckReport>) -> Self {
        HealthReport { draining, checks }
    }

    /// Whether work is welcome: no check failed and the service is not draining.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.draining && self.checks.iter().all(|check| check.failure.is_none())
    }

    /// Whether the service is on its way out.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining
    }

    /// The checks, in the order in which they were added.
    #[must_use]
    pub fn checks(&self) -> &[CheckReport] {
        &self.checks
    }
}

/// What one check found.
#[derive(Debug, Clone)]
pub struct CheckReport {
    name: Box<str>,
    failure: Option<String>,
}

impl CheckReport {
    /// The outcome of the check `name`.
    #[must_use]
    pub fn new(name: &str, outcome: Result<(), String>) -> Self {
        CheckReport { name: name.into(), failure: outcome.err() }
    }

    /// The name that the check was added with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Why it failed, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }
}
