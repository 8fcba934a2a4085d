use std::fmt;
use std::pin::Pin;

use crate::error::BoxError;
use crate::{ObjectKey, Result, Store};

pub(crate) type Outcome = Result<(), BoxError>;

type Run = Box<dyn FnOnce(Store) -> Pin<Box<dyn Future<Output = Outcome> + Send>>>;

/// One thing that a store must do.
pub(crate) struct Case {
    name: &'static str,
    run: Run,
}

impl Case {
    pub(crate) fn new<F>(name: &'static str, run: impl FnOnce(Store) -> F + 'static) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        Case { name, run: Box::new(|store| Box::pin(run(store))) }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) async fn run(self, store: Result<Store>) -> Result<(), Failure> {
        let failed = |cause| Failure { name: self.name.to_owned(), cause };
        let store = store.map_err(|e| failed(e.into()))?;
        (self.run)(store).await.map_err(failed)
    }
}

/// A case of the conformance suite that a store fails.
#[derive(Debug)]
pub struct Failure {
    name: String,
    cause: BoxError,
}

impl Failure {
    pub(crate) fn unknown(name: &str) -> Self {
        Failure { name: name.to_owned(), cause: "there is no such case".into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "case {} failed", self.name)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.cause)
    }
}

/// Fails a case where `holds` doesn't.
pub(crate) fn ensure(holds: bool, what: &str) -> Outcome {
    if holds { Ok(()) } else { Err(what.into()) }
}

pub(crate) fn equal<T: PartialEq + fmt::Debug>(got: T, expected: T) -> Outcome {
    ensure(got == expected, &format!("got {got:?}, expected {expected:?}"))
}

pub(crate) fn key(text: &str) -> Result<ObjectKey> {
    ObjectKey::parse(text)
}

/// The cases of these functions, each under its own name.
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub(crate) fn cases() -> Vec<$crate::testing::case::Case> {
            vec![$($crate::testing::case::Case::new(stringify!($name), $name)),*]
        }
    };
}
pub(crate) use cases;
