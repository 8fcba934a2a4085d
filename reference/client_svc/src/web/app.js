"use strict";

const list = document.getElementById("list");
const files = document.getElementById("files");
const drop = document.getElementById("drop");
const options = document.getElementById("options");

// Filled with textContent only: a file's name is a stranger's text.
function row(file) {
  const item = document.createElement("li");
  const part = (tag, name) => {
    const element = document.createElement(tag);
    element.className = name;
    item.append(element);
    return element;
  };
  const view = {
    name: part("div", "name"),
    bar: part("progress", "bar"),
    text: part("div", "text"),
    trace: part("div", "trace"),
  };
  view.name.textContent = file.name;
  view.bar.max = 1;
  view.bar.value = 0;
  list.prepend(item);
  return view;
}

function upload(file, view) {
  const query = new URLSearchParams(new FormData(options));
  query.set("name", file.name);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/conversions?" + query);
    request.setRequestHeader("content-type", file.type || "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      view.bar.value = 0.6 * (event.loaded / Math.max(event.total, 1));
      view.text.textContent = "sending " + size(event.loaded) + " of " + size(event.total);
    };
    request.onload = () => {
      const answer = request.response || {};
      request.status === 200 ? resolve(answer) : reject(new Error(answer.msg || "HTTP " + request.status));
    };
    request.onerror = () => reject(new Error("the connection broke"));
    request.send(file);
  });
}

// A service that restarts is away for a moment: that is no failure of the conversion.
async function look(ticket) {
  try {
    const reply = await fetch("/api/conversions/" + ticket.job_id + "/" + ticket.storage_id);
    return { status: reply.status, state: await reply.json() };
  } catch {
    return { status: 503, state: {} };
  }
}

async function follow(ticket, view) {
  const steps = { available: 0.65, scheduled: 0.65, executing: 0.8, retryable: 0.7, completed: 0.95 };
  for (;;) {
    const { status, state } = await look(ticket);
    if (status === 200) {
      view.bar.value = steps[state.state] || 0.7;
      view.text.textContent = state.state === "retryable" ? "trying again" : "converting";
      if (state.error) throw new Error(state.error);
      if (state.state === "completed") return state;
    } else if (status !== 503) {
      throw new Error(state.msg);
    }
    await new Promise((next) => setTimeout(next, 300));
  }
}

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return (unit === 0 ? bytes : bytes.toFixed(1)) + " " + units[unit];
}

async function convert(file) {
  const view = row(file);
  try {
    const ticket = await upload(file, view);
    view.trace.textContent = "trace " + ticket.trace_id;
    const done = await follow(ticket, view);
    view.bar.value = 1;
    view.text.textContent = done.width + " × " + done.height + " pixels, "
      + size(done.input_size) + " to " + size(done.output_size) + ": ";
    const link = document.createElement("a");
    link.href = done.url;
    link.textContent = "download the PDF";
    view.text.append(link);
  } catch (error) {
    view.bar.remove();
    view.text.classList.add("failed");
    view.text.textContent = error.message;
  }
}

function take(chosen) {
  if (!options.reportValidity()) return;
  for (const file of chosen) convert(file);
}

options.addEventListener("submit", (event) => event.preventDefault());
files.addEventListener("change", () => { take(files.files); files.value = ""; });
drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  take(event.dataTransfer.files);
});
