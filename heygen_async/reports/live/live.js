"use strict";
// Replaces the sections that have changed. What the reader has opened or is playing stays as it is.
const page = document.getElementById("page");
const message = document.getElementById("message");

function tell(text, failed) {
  message.textContent = text;
  message.className = failed ? "failed" : "";
  message.hidden = !text;
}

function place(name, html) {
  let section = document.getElementById(name);
  if (!section) {
    section = document.createElement("div");
    section.id = name;
    section.className = "placed";
  }
  if (html === undefined) return section;
  const open = [...section.querySelectorAll("details")].map((one) => one.open);
  section.innerHTML = html;
  section.querySelectorAll("details").forEach((one, index) => {
    one.open = open[index] ?? one.open;
  });
  return section;
}

function busy(section) {
  const players = [...section.querySelectorAll("video, audio")];
  return players.some((one) => !one.paused) || section.contains(document.activeElement);
}

const waiting = new Map();

function refresh(changed) {
  for (const [name, html] of Object.entries(changed)) waiting.set(name, html);
  for (const [name, html] of waiting) {
    const section = document.getElementById(name);
    if (section && busy(section)) continue;
    waiting.delete(name);
    const placed = place(name, html);
    if (!placed.isConnected) page.append(placed);
  }
}

function arrange(order) {
  const wanted = new Set(order);
  for (const one of [...page.children]) if (!wanted.has(one.id)) one.remove();
  order.forEach((name, index) => {
    const section = document.getElementById(name);
    if (section && page.children[index] !== section) page.insertBefore(section, page.children[index] ?? null);
  });
}

function titled() {
  const states = [...page.querySelectorAll(".live h2 b")].map((one) => one.textContent);
  document.title = `${states.join(", ")}: ${page.querySelector("h1")?.textContent ?? "run"}`;
}

const events = new EventSource("events");
events.onmessage = (event) => {
  const { order, changed } = JSON.parse(event.data);
  refresh(changed);
  arrange(order);
  titled();
  document.body.classList.remove("lost");
};
events.onerror = () => document.body.classList.add("lost");

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.getAttribute("action")?.startsWith("actions/")) return;
  event.preventDefault();
  const fields = new FormData(form, event.submitter);
  const buttons = form.querySelectorAll("button");
  buttons.forEach((one) => (one.disabled = true));
  try {
    const target = event.submitter?.getAttribute("formaction") ?? form.getAttribute("action");
    const answer = await fetch(target, { method: "POST", body: new URLSearchParams(fields) });
    tell(await answer.text(), !answer.ok);
  } catch (error) {
    tell(`Not sent: ${error.message}`, true);
  } finally {
    buttons.forEach((one) => (one.disabled = false));
    document.activeElement?.blur();
  }
});
