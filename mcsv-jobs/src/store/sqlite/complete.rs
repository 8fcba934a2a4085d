use super::enqueue::{json, parse};
use super::now;
use super::script::{Answers, Argument, Script};
use crate::store::{Ack, Completions, completions};

/// Only what still runs under its fence gets an event, and ends when its event says. What stays has one.
macro_rules! complete {
    ($logged:literal, $end:literal) => {
        concat!(
            "SELECT json_group_array(value) FROM json_each(?1) WHERE NOT EXISTS (
                SELECT 1 FROM mcsv_jobs WHERE id = value AND fence = ?2 AND lease_owner = ?3
                    AND state = 'executing'
                    AND attempted_at IN (SELECT value FROM json_each(?4)));
             INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker)
             SELECT id, ",
            now!(),
            ", 'completed', 'completed', attempt, attempted_by FROM mcsv_jobs
             WHERE id IN (SELECT value FROM json_each(?1)) AND fence = ?2 AND lease_owner = ?3
                AND +state = 'executing'
                AND +attempted_at IN (SELECT value FROM json_each(?4))",
            $logged,
            ";",
            $end,
            " WHERE id IN (SELECT value FROM json_each(?1)) AND fence = ?2 AND +lease_owner = ?3
                AND +state = 'executing'
                AND +attempted_at IN (SELECT value FROM json_each(?4))"
        )
    };
}

pub(super) const KEEP: &str = complete!(
    "",
    "UPDATE mcsv_jobs SET state = 'completed', lease_owner = NULL, lease_until = NULL, cancel = 0,
        finished_at = (SELECT at FROM mcsv_job_events ORDER BY sequence DESC LIMIT 1)"
);
const DELETE: &str = complete!(" AND is_logged", "DELETE FROM mcsv_jobs");

/// Adds the statements of plain completions, which most ends are; [`read`] takes their answers.
///
/// They need nothing of an ack but its job, its fence and its beginning, so no row travels and no object is parsed
/// per job: that is a third of what an end costs otherwise.
pub(super) fn write<'a>(
    script: &mut Script<'a>,
    owner: &'a str,
    acks: &[&Ack],
) -> Result<Vec<Completions>, sqlx::Error> {
    let groups = completions(acks);
    for Completions { fence, keep, ids, started } in &groups {
        let statements = if *keep { KEEP } else { DELETE };
        let arguments = [
            Argument::Json(json(ids)?),
            Argument::Number(*fence),
            Argument::Text(owner),
            Argument::Json(json(started)?),
        ];
        script.add(statements, arguments);
    }
    Ok(groups)
}

/// The jobs whose fence held.
pub(super) fn read(
    answers: &mut Answers,
    groups: Vec<Completions>,
) -> Result<Vec<i64>, sqlx::Error> {
    let mut accepted = Vec::new();
    for Completions { mut ids, .. } in groups {
        let refused: Vec<i64> = parse(answers.row()?.text(0)?)?;
        answers.skip(2);
        if !refused.is_empty() {
            ids.retain(|id| !refused.contains(id));
        }
        accepted.extend(ids);
    }
    Ok(accepted)
}
