use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcsv_core::Secret;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::sign::day_key::LastDayKey;

/// What signs for a bucket.
pub(crate) struct Access {
    pub(crate) id: String,
    pub(crate) secret: Secret<String>,
    pub(crate) session_token: Option<Secret<String>>,
    /// The Unix second in which these credentials end, if anybody said so.
    pub(crate) until: Option<u64>,
    pub(crate) day_key: LastDayKey,
}

/// Who signs for a bucket: one set of credentials for good, or a role, which gives new ones before the
/// last end.
pub(crate) struct Account {
    held: Mutex<Held>,
    role: Option<Role>,
}

/// Asks for credentials of a role.
pub(crate) type Ask = Box<dyn Fn() -> Asking + Send + Sync>;
pub(crate) type Asking = Pin<Box<dyn Future<Output = Result<Access>> + Send>>;

struct Role {
    ask: Ask,
    /// One asks, and the others wait for what comes of it.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Clone, Default)]
struct Held {
    access: Option<Arc<Access>>,
    asked: Option<Instant>,
}

/// How long before their end new credentials are asked for: so long that a URL of the
/// [default life](crate::Signer::DEFAULT_EXPIRY) fits into the rest.
const AHEAD: Duration = Duration::from_secs(20 * 60);

/// How long nobody asks again while the last credentials hold; a role may have no newer ones yet.
const PAUSE: Duration = Duration::from_secs(60);

/// The same while there are none.
const SHORT_PAUSE: Duration = Duration::from_secs(1);

impl Account {
    pub(crate) fn new(access: Access) -> Self {
        let held = Held { access: Some(Arc::new(access)), asked: None };
        Account { held: Mutex::new(held), role: None }
    }

    pub(crate) fn of_role(ask: Ask) -> Self {
        let role = Role { ask, turn: tokio::sync::Mutex::new(()) };
        Account { held: Mutex::default(), role: Some(role) }
    }

    /// What signs a request that is sent now.
    pub(crate) async fn access(&self, now: SystemTime) -> Result<Arc<Access>> {
        if let Some(role) = &self.role
            && self.held().is_due(now)
        {
            let _turn = role.turn.lock().await;
            if self.held().is_due(now) {
                self.renew(role, now).await?;
            }
        }
        self.held().access_at(now).ok_or_else(|| {
            Error::new(ErrorKind::Unavailable, "the role gave no credentials a moment ago")
        })
    }

    /// What signs a URL that lives until the Unix second `end`. Nobody waits for it: a role is asked
    /// aside.
    pub(crate) fn access_until(self: &Arc<Self>, end: u64) -> Result<Arc<Access>> {
        let held = self.held();
        let access = match self.role {
            None => held.access,
            Some(_) => {
                let now = SystemTime::now();
                self.ask_aside(&held, now);
                held.access_at(now)
            }
        };
        let Some(access) = access else {
            let message = "the role has given no credentials: await a call of the store first, such as \
                           check";
            return Err(Error::new(ErrorKind::Unavailable, message));
        };
        match access.until {
            Some(until) if until < end => {
                let message = format!(
                    "expiry: the URL would outlive the role's credentials by {} s: give less, or relay",
                    end - until
                );
                Err(Error::new(ErrorKind::InvalidOption, message))
            }
            _ => Ok(access),
        }
    }

    fn ask_aside(self: &Arc<Self>, held: &Held, now: SystemTime) {
        if !held.is_due(now) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let account = Arc::clone(self);
        // A failure is told by the call that is in need of them.
        runtime.spawn(async move { account.access(now).await.map(drop) });
    }

    async fn renew(&self, role: &Role, now: SystemTime) -> Result<()> {
        let asked = (role.ask)().await;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.asked = Some(Instant::now());
        match asked {
            Ok(access) => held.access = Some(Arc::new(access)),
            Err(error) if held.access_at(now).is_some() => {
                tracing::warn!(%error, "a role gives no new credentials; the last still hold");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn held(&self) -> Held {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Held {
    /// The credentials, if they have not ended.
    fn access_at(&self, now: SystemTime) -> Option<Arc<Access>> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let access = self.access.as_ref();
        access.filter(|access| access.until.is_none_or(|until| now < until)).cloned()
    }

    /// Whether it is time to ask for others.
    fn is_due(&self, now: SystemTime) -> bool {
        if self.access_at(now + AHEAD).is_some() {
            return false;
        }
        let pause = if self.access_at(now).is_some() { PAUSE } else { SHORT_PAUSE };
        self.asked.is_none_or(|at| at.elapsed() >= pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    const NOW: u64 = 1_000_000;

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    fn access(id: u64, until: u64) -> Access {
        Access {
            id: id.to_string(),
            secret: Secret::new("secret".to_owned()),
            session_token: None,
            until: Some(until),
            day_key: LastDayKey::default(),
        }
    }

    /// A role whose first credentials end at `ends[0]`, the next at `ends[1]`; it fails after the last.
    fn role(ends: &'static [u64]) -> Arc<Account> {
        let asked = AtomicU64::new(0);
        Arc::new(Account::of_role(Box::new(move || {
            let nth = asked.fetch_add(1, Ordering::Relaxed);
            let until = ends.get(usize::try_from(nth).unwrap());
            let given = until.map(|until| access(nth, *until));
            let given = given.ok_or_else(|| Error::new(ErrorKind::Unavailable, "the role is away"));
            Box::pin(async move {
                tokio::task::yield_now().await;
                given
            })
        })))
    }

    async fn check(account: &Account, second: u64, id: &str) {
        assert_eq!(account.access(at(second)).await.unwrap().id, id, "{second}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_role_is_asked_once_until_the_end_is_near() {
        let account = role(&[NOW + 3600, NOW + 7200]);
        let early: [_; 3] = std::array::from_fn(|_| account.access(at(NOW)));
        for access in futures_util::future::join_all(early).await {
            assert_eq!(access.unwrap().id, "0");
        }
        check(&account, NOW + 2400, "0").await;
        tokio::time::advance(Duration::from_secs(2401)).await;
        check(&account, NOW + 2401, "1").await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_still_holds_is_used_while_the_role_is_away() {
        let account = role(&[NOW + 600]);
        check(&account, NOW, "0").await;
        tokio::time::advance(PAUSE).await;
        check(&account, NOW + 60, "0").await;
        tokio::time::advance(PAUSE).await;
        let ended = account.access(at(NOW + 600)).await;
        assert_eq!(ended.err().map(|error| error.kind()), Some(ErrorKind::Unavailable));
    }

    #[tokio::test(start_paused = true)]
    async fn a_role_that_fails_is_asked_no_more_than_once_a_second() {
        let account = role(&[]);
        let message = async || account.access(at(NOW)).await.err().unwrap().to_string();
        assert_eq!(message().await, "the role is away");
        assert!(message().await.contains("a moment ago"));
        tokio::time::advance(SHORT_PAUSE).await;
        assert_eq!(message().await, "the role is away");
    }

    #[tokio::test(start_paused = true)]
    async fn no_url_outlives_the_credentials_that_sign_it() {
        let end = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 3600;
        let account = Arc::new(Account::new(access(0, end)));
        assert!(account.access_until(end).is_ok());
        let error = account.access_until(end + 1).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidOption);
        assert!(error.to_string().contains("by 1 s"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_that_ended_sign_nothing() {
        let account = role(&[NOW]);
        for signed in [account.access(SystemTime::now()).await, account.access_until(NOW)] {
            assert_eq!(signed.err().map(|error| error.kind()), Some(ErrorKind::Unavailable));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_url_asks_aside_for_the_first_credentials() {
        let account = role(&[u64::MAX]);
        let error = account.access_until(NOW).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        while account.access_until(NOW).is_err() {
            tokio::task::yield_now().await;
        }
    }
}
