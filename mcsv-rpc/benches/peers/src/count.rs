//! Instructions and allocations per call, by valgrind's callgrind.
//!
//! A server runs twice, for few calls and for many, one at a time on one connection. The
//! difference has neither its start nor its end in it. Allocations are calls of the C library's
//! `malloc` and its kin, which is where Rust's default allocator goes.

use std::collections::HashMap;
use std::path::Path;

use crate::BoxError;
use crate::cases::{Case, chosen};
use crate::child::ServerProcess;
use crate::load::{Load, Until};
use crate::report::{Count, print_count, print_count_head};

const FEW: u64 = 200;
const MANY: u64 = 1200;

pub(crate) fn measure(words: &[&str]) -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let folder = std::env::temp_dir().join(format!("mcsv-rpc-peers-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    for group in chosen(words) {
        print_count_head(group.name);
        let mut base = None;
        for case in &group.cases {
            let few = runtime.block_on(run(case, FEW, &folder.join("few")))?;
            let many = runtime.block_on(run(case, MANY, &folder.join("many")))?;
            let per_call = |many: u64, few: u64| many.abs_diff(few) as f64 / (MANY - FEW) as f64;
            let own = Count {
                instructions: per_call(many.0, few.0),
                allocations: per_call(many.1, few.1),
            };
            print_count(case, own, *base.get_or_insert(own));
        }
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// The instructions and allocations of a server's whole life.
async fn run(case: &Case, calls: u64, profile: &Path) -> Result<(u64, u64), BoxError> {
    let profile_option = format!("--callgrind-out-file={}", profile.display());
    let wrapper = ["valgrind", "--quiet", "--tool=callgrind", &profile_option];
    let server = ServerProcess::start(&wrapper, case.server)?;
    let mut load = Load::start(server.address, &case.request, 1, 1).await?;
    load.run(Until::Calls(calls)).await?;
    drop(load);
    server.end()?;
    read(&std::fs::read_to_string(profile)?).ok_or_else(|| "a profile without a total".into())
}

/// Reads callgrind's profile: a `calls=` line follows the name of the function that is called,
/// and a name is written out at its first mention and numbered after that.
fn read(profile: &str) -> Option<(u64, u64)> {
    let mut names: HashMap<&str, bool> = HashMap::new();
    let (mut called, mut total, mut allocations) = (false, None, 0);
    for line in profile.lines() {
        if let Some(name) = line.strip_prefix("fn=").or_else(|| line.strip_prefix("cfn=")) {
            let (id, text) = name.split_once(' ').unwrap_or((name, ""));
            if !text.is_empty() {
                names.insert(id, is_allocation(text));
            }
            called = names.get(id).copied().unwrap_or_default();
        } else if let Some(count) = line.strip_prefix("calls=").filter(|_| called) {
            allocations += count.split(' ').next()?.parse::<u64>().ok()?;
        } else if let Some(sum) = line.strip_prefix("totals: ") {
            total = sum.trim().parse().ok();
        }
    }
    Some((total?, allocations))
}

fn is_allocation(function: &str) -> bool {
    let name = function.split(['@', '\'']).next().unwrap_or_default();
    matches!(name, "malloc" | "calloc" | "realloc" | "posix_memalign" | "aligned_alloc")
}
