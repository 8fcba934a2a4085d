/// Like `println!`, for a reader who may have seen enough: one that closed the pipe is no panic.
macro_rules! say {
    ($($what:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout().lock(), $($what)*);
    }};
}

pub(crate) use say;
