use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use mcsv_core::{Code, Error, Result};
use tokio::time::Instant;

use super::ejection::Ejection;
use super::endpoint::Endpoint;

/// The servers that a channel spreads its calls over. Clones are handles to the same list.
///
/// A call goes to the one of two endpoints, drawn by chance, that has fewer calls under way. After
/// five failures in a row (`unavailable`, a broken connection, a deadline without an answer) an
/// endpoint gets no more calls for 1 s, then one: if that goes well the endpoint is back, if not it
/// is out for twice as long, up to 60 s. At most half of the endpoints are out at a time, so a call
/// is always tried somewhere, and the first server that comes back is found at once. An
/// `unavailable` with a retry hint is no failure: that server is alive and says when.
///
/// A call that reached no server ([`NeverSent`](crate::NeverSent)) goes to the next endpoint at once,
/// to each one at most, whatever its method: it fails where none of them can be reached.
///
/// ```
/// use mcsv_rpc::{Channel, Endpoints};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> mcsv_rpc::Result<()> {
/// let endpoints = Endpoints::new(["http://10.0.0.1:8080", "http://10.0.0.2:8080"])?;
/// let channel = Channel::balanced(endpoints.clone());
/// // Later, when a watcher has seen a third server and the end of the first:
/// endpoints.replace(["http://10.0.0.2:8080", "http://10.0.0.3:8080"])?;
/// # drop(channel);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Endpoints {
    shared: Arc<Mutex<Members>>,
}

struct Members {
    list: Vec<Member>,
    next_id: u64,
    random: Rng,
}

struct Member {
    id: u64,
    endpoint: Arc<Endpoint>,
    in_flight: u32,
    ejection: Ejection,
}

impl Endpoints {
    /// The servers at `urls`, each as [`Channel::connect`](crate::Channel::connect) takes it.
    ///
    /// # Errors
    ///
    /// `invalid_argument`: there is none, or one that can't be used.
    pub fn new<U: AsRef<str>>(urls: impl IntoIterator<Item = U>) -> Result<Self> {
        let mut members = Members { list: Vec::new(), next_id: 0, random: Rng::new() };
        members.replace(parse(urls)?);
        Ok(Endpoints { shared: Arc::new(Mutex::new(members)) })
    }

    /// Spreads the calls over `urls` from now on. What is known of a server that stays is kept;
    /// calls that are under way end where they are.
    ///
    /// # Errors
    ///
    /// Like [`new`](Self::new); the list stays as it was.
    pub fn replace<U: AsRef<str>>(&self, urls: impl IntoIterator<Item = U>) -> Result<()> {
        let endpoints = parse(urls)?;
        self.members().replace(endpoints);
        Ok(())
    }

    #[cfg(test)]
    fn with_seed(self, seed: u64) -> Self {
        self.members().random = Rng::with_seed(seed);
        self
    }

    /// The endpoint for the next request, rather none that was `tried`.
    pub(crate) fn pick(&self, tried: &[u64]) -> Option<Ticket> {
        let now = Instant::now();
        let mut members = self.members();
        let place = members.pick(tried, now)?;
        let member = &mut members.list[place];
        member.in_flight += 1;
        member.ejection.picked(now);
        let (id, endpoint) = (member.id, Arc::clone(&member.endpoint));
        Some(Ticket { endpoints: self.clone(), id, endpoint, answered: false, deadline: None })
    }

    /// Whether there is an endpoint that was not `tried`.
    pub(crate) fn has_another(&self, tried: &[u64]) -> bool {
        self.members().list.iter().any(|member| !tried.contains(&member.id))
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse<U: AsRef<str>>(urls: impl IntoIterator<Item = U>) -> Result<Vec<Endpoint>> {
    let parsed: Result<Vec<_>> =
        urls.into_iter().map(|url| Endpoint::parse(url.as_ref())).collect();
    match parsed {
        Ok(list) if list.is_empty() => {
            Err(Error::invalid_argument("no server urls: give at least one"))
        }
        parsed => parsed,
    }
}

impl Members {
    fn replace(&mut self, endpoints: Vec<Endpoint>) {
        let mut old = std::mem::take(&mut self.list);
        for endpoint in endpoints {
            let same = |member: &Member| *member.endpoint == endpoint;
            if self.list.iter().any(same) {
                continue;
            }
            let member = match old.iter().position(same) {
                Some(place) => old.swap_remove(place),
                None => self.newcomer(endpoint),
            };
            self.list.push(member);
        }
    }

    fn newcomer(&mut self, endpoint: Endpoint) -> Member {
        self.next_id += 1;
        let ejection = Ejection::default();
        Member { id: self.next_id, endpoint: Arc::new(endpoint), in_flight: 0, ejection }
    }

    fn pick(&mut self, tried: &[u64], now: Instant) -> Option<usize> {
        let fresh = |member: &Member| !tried.contains(&member.id);
        // Whoever may be back is asked first: a server that nobody asks never comes back.
        let probe = |member: &Member| fresh(member) && member.ejection.awaits_probe(now);
        if let Some(place) = self.list.iter().position(probe) {
            return Some(place);
        }
        self.of_two(|member| fresh(member) && !member.ejection.is_out())
            // One that is out is still the better choice than one that has just failed this call.
            .or_else(|| self.of_two(fresh))
            .or_else(|| self.of_two(|member| !member.ejection.is_out()))
            .or_else(|| self.of_two(|_| true))
    }

    /// The less busy one of two by chance. The best of all would be every client's choice at once.
    fn of_two(&mut self, fits: impl Fn(&Member) -> bool) -> Option<usize> {
        let count = self.list.iter().filter(|member| fits(member)).count();
        if count == 0 {
            return None;
        }
        let first = self.random.usize(..count);
        // Another one than the first, each with the same chance.
        let second = (first + self.random.usize(..count.max(2) - 1) + 1) % count;
        let nth = |n: usize| {
            let mut fitting = self.list.iter().enumerate().filter(|(_, member)| fits(member));
            fitting.nth(n)
        };
        let (first, second) = (nth(first)?, nth(second)?);
        let busier = second.1.in_flight < first.1.in_flight;
        Some(if busier { second.0 } else { first.0 })
    }

    fn settle(&mut self, id: u64, verdict: Verdict) {
        let out = self.list.iter().filter(|member| member.ejection.is_out()).count();
        let may_leave = (out + 1) * 2 <= self.list.len();
        // It may have been taken off the list meanwhile.
        let Some(member) = self.list.iter_mut().find(|member| member.id == id) else { return };
        member.in_flight = member.in_flight.saturating_sub(1);
        let now = Instant::now();
        match verdict {
            Verdict::Good => member.ejection.succeeded(now),
            Verdict::Bad => {
                let was_out = member.ejection.is_out();
                member.ejection.failed(now, may_leave);
                if !was_out && member.ejection.is_out() {
                    tracing::warn!(endpoint = %member.endpoint, "an endpoint fails: it is left out");
                    metrics::counter!("rpc_client_ejections_total").increment(1);
                }
            }
            Verdict::None => member.ejection.unsure(),
        }
    }
}

#[derive(Clone, Copy)]
enum Verdict {
    Good,
    Bad,
    None,
}

/// One request's place at an endpoint, given back with what became of it.
pub(crate) struct Ticket {
    endpoints: Endpoints,
    id: u64,
    endpoint: Arc<Endpoint>,
    answered: bool,
    deadline: Option<Instant>,
}

impl Ticket {
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// When silence counts as a failure.
    pub(crate) fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    pub(crate) fn settle<T>(mut self, outcome: &Result<T>) {
        self.answered = true;
        let verdict = match outcome {
            Err(error) if error.code() == Code::Unavailable && error.retry_after().is_none() => {
                Verdict::Bad
            }
            _ => Verdict::Good,
        };
        self.endpoints.members().settle(self.id, verdict);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        let late = self.deadline.is_some_and(|deadline| deadline <= Instant::now());
        let verdict = if late { Verdict::Bad } else { Verdict::None };
        self.endpoints.members().settle(self.id, verdict);
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = self.members();
        let urls = members.list.iter().map(|member| member.endpoint.to_string());
        f.debug_list().entries(urls).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Endpoints {
        Endpoints::new(["http://a", "http://b", "http://c"]).unwrap().with_seed(7)
    }

    fn host(ticket: &Ticket) -> String {
        ticket.endpoint().to_string()
    }

    fn down<T>() -> Result<T> {
        Err(Error::unavailable("down"))
    }

    #[tokio::test(start_paused = true)]
    async fn the_less_busy_of_two_gets_the_call() {
        let endpoints = three();
        let tickets: Vec<_> = (0..300).map(|_| endpoints.pick(&[]).unwrap()).collect();
        for url in ["http://a", "http://b", "http://c"] {
            let count = tickets.iter().filter(|ticket| host(ticket) == url).count();
            assert!((95..=105).contains(&count), "{url}: {count} (seed 7)");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn another_attempt_goes_to_another_endpoint() {
        let endpoints = three();
        for _ in 0..50 {
            let first = endpoints.pick(&[]).unwrap();
            let second = endpoints.pick(&[first.id()]).unwrap();
            let third = endpoints.pick(&[first.id(), second.id()]).unwrap();
            let hosts = std::collections::BTreeSet::from([&first, &second, &third].map(host));
            assert_eq!(hosts.len(), 3);
            assert!(endpoints.pick(&[first.id(), second.id(), third.id()]).is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn at_most_half_is_left_out() {
        let endpoints = three();
        for _ in 0..1000 {
            endpoints.pick(&[]).unwrap().settle(&down::<()>());
        }
        let out = endpoints.members().list.iter().filter(|m| m.ejection.is_out()).count();
        assert_eq!(out, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stays_on_the_list_keeps_its_record() {
        let endpoints = three();
        let busy: Vec<_> = (0..9).map(|_| endpoints.pick(&[]).unwrap()).collect();
        let at_b = busy.iter().filter(|ticket| host(ticket) == "http://b").count();
        endpoints.replace(["http://d", "http://b", "http://b"]).unwrap();
        let seen = |endpoints: &Endpoints| -> Vec<_> {
            let members = endpoints.members();
            members.list.iter().map(|m| (m.endpoint.to_string(), m.in_flight as usize)).collect()
        };
        assert_eq!(seen(&endpoints), [("http://d".into(), 0), ("http://b".into(), at_b)]);
        drop(busy);
        assert_eq!(seen(&endpoints)[1].1, 0);
        assert!(endpoints.replace([""; 0]).is_err());
        assert_eq!(seen(&endpoints).len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_without_an_answer_is_a_failure_and_a_caller_who_leaves_is_none() {
        let endpoints = Endpoints::new(["http://a", "http://b"]).unwrap();
        for _ in 0..100 {
            drop(endpoints.pick(&[]));
        }
        assert!(endpoints.members().list.iter().all(|m| !m.ejection.is_out()));
        for _ in 0..100 {
            endpoints.pick(&[]).unwrap().set_deadline(Some(Instant::now()));
        }
        assert!(endpoints.members().list.iter().any(|m| m.ejection.is_out()));
    }
}
