// graphile-worker beside us: fills a queue on an empty database, empties it, and prints the seconds.
//
// node run.mjs URL JOBS default|tuned [beside-a-transaction]

import pg from "pg";
import { makeWorkerUtils, run, Logger } from "graphile-worker";

const [url, jobs, settings, beside] = process.argv.slice(2);
const total = Number(jobs);
const logger = new Logger(() => () => {});
const connectionString = url;

const utils = await makeWorkerUtils({ connectionString, logger });
await utils.migrate();
for (let from = 0; from < total; from += 1000) {
  const count = Math.min(1000, total - from);
  await utils.addJobs(
    Array.from({ length: count }, () => ({
      identifier: "nothing",
      payload: { padding: "x".repeat(200) },
    })),
  );
}

// As the others have it: see vacuum() in src/postgres/mod.rs.
await utils.withPgClient(async (client) => {
  await client.query("VACUUM ANALYZE");
  await client.query("CHECKPOINT");
});

// Who keeps a snapshot that is older than all that is done.
const other = beside && new pg.Client({ connectionString });
if (other) {
  await other.connect();
  await other.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  await other.query("SELECT 1 FROM graphile_worker._private_jobs LIMIT 1");
}

// Its own benchmark's settings; the defaults poll and complete job by job.
const worker =
  settings === "tuned"
    ? {
        concurrentJobs: 24,
        maxPoolSize: 25,
        localQueue: { size: 500 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      }
    : { concurrentJobs: 24, maxPoolSize: 25 };
let done = 0;
let finished;
const all = new Promise((resolve) => (finished = resolve));
const start = process.hrtime.bigint();
const runner = await run({
  preset: { worker: { connectionString, ...worker } },
  logger,
  noHandleSignals: true,
  taskList: {
    nothing: async () => {
      done += 1;
      if (done === total) finished();
    },
  },
});
await all;
await runner.stop();
console.log(Number(process.hrtime.bigint() - start) / 1e9);
const left = await utils.withPgClient((client) =>
  client.query("SELECT count(*)::int AS left FROM graphile_worker._private_jobs"),
);
await utils.release();
await other?.end();
if (left.rows[0].left !== 0) {
  throw new Error(`${left.rows[0].left} jobs are left`);
}
