/// Whether the unique key of a job stands, as the unique index has it: in the states of its rule, and
/// without the running one only before its first start. The same for both databases; `$job` is what
/// the table is called.
macro_rules! key_stands {
    ($job:literal) => {
        concat!(
            $job,
            ".unique_key IS NOT NULL AND (",
            $job,
            ".unique_states & CASE ",
            $job,
            ".state WHEN 'available' THEN 1 WHEN 'scheduled' THEN 2 WHEN 'executing' THEN 4
                WHEN 'retryable' THEN 8 WHEN 'completed' THEN 16 WHEN 'discarded' THEN 32
                ELSE 64 END) <> 0 AND ((",
            $job,
            ".unique_states & 4) <> 0 OR ",
            $job,
            ".fence = 0)"
        )
    };
}

/// Whether the unique key of an ended job stands once it waits again. The same for both databases.
macro_rules! key_comes_back {
    () => {
        "(unique_key IS NOT NULL AND (unique_states & 4 <> 0 OR fence = 0))"
    };
}

pub(super) use {key_comes_back, key_stands};
