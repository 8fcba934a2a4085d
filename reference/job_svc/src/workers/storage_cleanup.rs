use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use mcsv_core::Error;
use mcsv_jobs::{Filter, Job, JobCx, JobRecord, Jobs, Outcome, State, Workers};
use mcsv_protos::v1::{DeleteObjectsRequest, ListStaleObjectsRequest};

use crate::Config;
use crate::kinds::{Callback, ConvertImage, NotifyUser, StorageCleanup};
use crate::neighbours::{Neighbours, after};

/// Pages through the old objects and removes those that no unfinished job needs; then prunes the
/// job tables.
pub(crate) fn storage_cleanup(
    workers: Workers,
    neighbours: &Neighbours,
    jobs: &Jobs,
    config: &Config,
) -> Workers {
    let cleaner = Cleaner {
        neighbours: neighbours.clone(),
        jobs: jobs.clone(),
        image_max_age: config.image_max_age,
        job_retention: config.job_retention,
        event_retention: config.event_retention,
    };
    workers.handle(move |_job: StorageCleanup, cx: JobCx| cleaner.clone().run(cx))
}

#[derive(Clone)]
struct Cleaner {
    neighbours: Neighbours,
    jobs: Jobs,
    image_max_age: Duration,
    job_retention: Duration,
    event_retention: Duration,
}

impl Cleaner {
    async fn run(self, cx: JobCx) -> Result<Outcome, Error> {
        // First what needs no neighbour.
        let pruned =
            self.jobs.prune(self.job_retention, self.event_retention).await.map_err(|error| {
                Error::internal("the job tables can't be pruned").with_source(error)
            })?;
        let deleted = match self.sweep().await {
            Ok(deleted) => deleted,
            Err(error) => return after(error, &cx),
        };
        tracing::info!(deleted, ?pruned, "cleaned up");
        Ok(Outcome::done().with_result(deleted))
    }

    async fn sweep(&self) -> Result<i32, Error> {
        let older_than_seconds = i64::try_from(self.image_max_age.as_secs()).unwrap_or(i64::MAX);
        let mut deleted = 0;
        let mut page_token = String::new();
        loop {
            let stale = ListStaleObjectsRequest { older_than_seconds, page_token };
            let page = self.neighbours.user_svc.list_stale_objects(stale).await?;
            // Asked after the page was read, so that a job which was enqueued in between is seen. One
            // that is enqueued from here on for an old upload may find it gone, and says so.
            let needed = self.needed().await?;
            let storage_ids: Vec<_> =
                page.storage_ids.into_iter().filter(|id| !needed.contains(stem(id))).collect();
            if !storage_ids.is_empty() {
                let delete = DeleteObjectsRequest { storage_ids };
                deleted += self.neighbours.user_svc.delete_objects(delete).await?.deleted;
            }
            if page.next_page_token.is_empty() {
                return Ok(deleted);
            }
            page_token = page.next_page_token;
        }
    }

    /// The stems of all objects that an unfinished job refers to, or one that ended so lately that
    /// its link is still good.
    async fn needed(&self) -> Result<HashSet<String>, Error> {
        let mut needed = HashSet::new();
        let lately = SystemTime::now() - self.image_max_age;
        let unfinished = Filter::new().with_states(State::UNFINISHED);
        let ended = Filter::new().with_state(State::Completed).with_finished_from(lately);
        let kinds = [ConvertImage::KIND, NotifyUser::KIND, Callback::KIND];
        let kinds = kinds.into_iter().map(|kind| unfinished.clone().with_kind(kind));
        for filter in kinds.chain([ended.with_kind(Callback::KIND)]) {
            let mut filter = filter.with_limit(1_000);
            loop {
                let page = self.jobs.list(filter.clone()).await.map_err(|error| {
                    Error::unavailable("the job database can't be read").with_source(error)
                })?;
                let args = page.jobs.iter().filter_map(JobRecord::args_json);
                needed.extend(
                    args.filter_map(|args| Some(stem(args["storage_id"].as_str()?).to_owned())),
                );
                let Some(next) = page.next else { break };
                filter = filter.with_page(next);
            }
        }
        Ok(needed)
    }
}

/// `{stem}.png` and `{stem}-{job}.pdf` belong together.
fn stem(id: &str) -> &str {
    id.split(['.', '-']).next().unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_and_its_pdf_have_one_stem() {
        assert_eq!(stem("1764000000000000_00ff.png"), stem("1764000000000000_00ff-17.pdf"));
        assert_ne!(stem("1764000000000000_00ff.png"), stem("1764000000000000_00fe.png"));
    }
}
