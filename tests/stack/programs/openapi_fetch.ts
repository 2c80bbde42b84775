// What a caller writes with the types that openapi-typescript makes; writes what it read.
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

declare const process: { argv: string[] };
const [url = "", token = "", uuid = ""] = process.argv.slice(2);
const path = "/api/v1/appointments/create";
const client = createClient<paths>({ baseUrl: url });

const created = await client.POST(path, {
  params: { header: { "Idempotency-Key": uuid } },
  body: {
    token,
    updated_at_mt: "2027-01-04 16:05:00",
    order_id: 1001,
    date_start_local: "2027-01-05",
    confirmed: true,
  },
});
if (!created.data) throw new Error(created.error.message);

const byFileMaker = await client.POST(path, {
  body: {
    token,
    month_first: "1",
    updated_at_mt: "1/4/2027",
    order_id: "1001",
    date_start_local: "1/5/2027",
    confirmed: "1",
  },
});

const failed = await client.POST(path, {
  body: { token, updated_at_mt: "", date_start_local: "13/45/2026" },
});
if (failed.error?.status !== "missing-param") throw new Error("not missing-param");

const refused = await client.POST(path, { body: { token: "unknown", updated_at_mt: "now" } });
if (refused.error?.status !== "invalid-token") throw new Error("not invalid-token");

console.log(
  JSON.stringify({
    uuid: created.data.uuid,
    email: created.data.data.email.status,
    date: created.data.data.appointment.date_start_local,
    filemaker: byFileMaker.data?.saved,
    errors: failed.error.errors.map((error) => error.param).sort(),
    refused: refused.error.code,
  }),
);
