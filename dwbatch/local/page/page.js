"use strict";
// Whatever comes from the server is put in as text, never as HTML: file names
// and custom_ids are anybody's words.
const find = (id) => document.getElementById(id);
const grouped = new Intl.NumberFormat("en");
const EVERY_MS = 1000;
const MOST_CALLS = 20;
let before = null;
// The batch that is looked at from near stands in the address: it can be kept and shared.
const chosen = () => decodeURIComponent(location.hash.slice(1));

function make(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function fill(list, rows, nothing) {
  list.replaceChildren(...(rows.length ? rows : [make("li", nothing, "empty")]));
}

function pair(first, second) {
  const line = make("li");
  line.append(make("span", first), make("span", second));
  line.firstChild.title = first;
  return line;
}

const size = (bytes) => bytes < 1e3 ? `${bytes} B` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString();

function showTotals(seen) {
  const totals = seen.totals;
  const rate = before && seen.now > before.now ? (totals.completed + totals.failed - before.done) / (seen.now - before.now) : 0;
  before = { now: seen.now, done: totals.completed + totals.failed };
  const shown = [
    ["Rows answered", grouped.format(totals.completed)],
    ["Rows failed", grouped.format(totals.failed)],
    ["Rows waiting", grouped.format(totals.waiting)],
    ["Rows a second", grouped.format(Math.round(rate))],
    ["Calls billed", grouped.format(totals.bills)],
    ["Tokens in", grouped.format(totals.prompt_tokens)],
    ["Tokens out", grouped.format(totals.completion_tokens)],
  ];
  find("totals").replaceChildren(...shown.map(([name, value]) => {
    const one = make("div");
    one.append(make("dt", name), make("dd", value, name === "Rows failed" && totals.failed ? "failed" : ""));
    return one;
  }));
}

function batchRow(batch) {
  const row = make("tr");
  const name = make("td");
  const open = make("a", batch.name, "name");
  open.href = `#${encodeURIComponent(batch.id)}`;
  open.title = batch.name;
  name.append(open, make("span", batch.id.slice(0, 18), "id"));
  const bar = make("div", undefined, "bar");
  bar.setAttribute("role", "progressbar");
  bar.setAttribute("aria-valuemax", batch.total);
  bar.setAttribute("aria-valuenow", batch.completed + batch.failed);
  bar.setAttribute("aria-label", `Rows of ${batch.name}`);
  for (const count of [batch.completed, batch.failed]) {
    const part = make("i");
    part.style.width = `${100 * count / Math.max(1, batch.total)}%`;
    bar.append(part);
  }
  const progress = make("td");
  progress.append(bar);
  const failed = batch.failed ? `, ${grouped.format(batch.failed)} failed` : "";
  const rows = `${grouped.format(batch.completed + batch.failed)} of ${grouped.format(batch.total)}${failed}`;
  row.append(name, make("td", batch.status.replace("_", " "), batch.status), progress, make("td", rows), make("td", batch.window), make("td", clock(batch.created_at)));
  return row;
}

// Polling repeats one call many times: neighbours that are alike become one line.
function runs(exchanges) {
  const found = [];
  for (const [method, path, status] of exchanges) {
    const call = `${method} ${path}`;
    const last = found.at(-1);
    if (last && last[0] === call && last[1] === (status || "no reply")) last[2] += 1;
    else found.push([call, status || "no reply", 1]);
  }
  return found.slice(0, MOST_CALLS);
}

function show(seen) {
  find("where").replaceChildren("API at ", make("code", `${location.origin}/v1`), `, answered by ${seen.answered_by}`);
  showTotals(seen);
  find("no-batches").hidden = seen.batches.length > 0;
  find("batches").hidden = seen.batches.length === 0;
  const focused = document.activeElement?.closest?.("#batches tr")?.rowIndex;
  find("batches").tBodies[0].replaceChildren(...seen.batches.map(batchRow));
  if (focused) find("batches").rows[focused]?.querySelector("a")?.focus();
  fill(find("files"), seen.files.map((file) => pair(file.name, size(file.bytes))), "No file yet.");
  fill(find("calls"), runs(seen.exchanges).map(([call, status, times]) => pair(call, times > 1 ? `${times} × ${status}` : status)), "No call yet.");
  const faults = [...seen.unfired.map((name) => pair(name, "waiting")), ...seen.fired.map((one) => pair(`${one.fault}: ${one.where}`, "happened"))];
  find("faults-section").hidden = faults.length === 0;
  fill(find("faults"), faults, "");
}

function showBatch(about) {
  find("about-name").textContent = about.name;
  fill(find("about-failed"), about.failed.map((one) => pair(one.custom_id, one.sentence)), "None.");
  fill(find("about-answers"), about.answers.map((one) => pair(one.custom_id, one.sentence)), "None yet.");
  fill(find("about-bills"), about.bills.map((one) => pair(one.custom_id, `${one.model}, ${one.prompt_tokens} tokens in, ${one.completion_tokens} out`)), "None yet.");
}

async function asked(path) {
  const reply = await fetch(path, { cache: "no-store" });
  if (!reply.ok) throw new Error(`${path}: ${reply.status}`);
  return reply.json();
}

async function look() {
  try {
    show(await asked("/-/overview"));
    if (chosen()) showBatch(await asked(`/-/batches/${encodeURIComponent(chosen())}`));
    find("about").hidden = !chosen();
    find("live").textContent = "Live";
    find("live").className = "";
  } catch {
    find("live").textContent = "The server does not answer";
    find("live").className = "lost";
  }
}

addEventListener("hashchange", look);
(async function watch() {
  if (!document.hidden) await look();
  setTimeout(watch, EVERY_MS);
})();
