"use strict";
(function () {
  var sheet = JSON.parse(document.getElementById("sheet").textContent);
  var items = sheet.items;
  var key = ["clio-review", sheet.run, sheet.kind, sheet.seed, items.length].join(":");
  var state = { at: 0, reviewer: "", answers: {}, done: [] };
  var known = new Set(items.map(function (item) { return item.id; }));
  var byId = function (id) { return document.getElementById(id); };
  var name = byId("reviewer");

  function warn(text) { byId("warning").textContent = text; byId("warning").hidden = false; }

  try {
    var kept = JSON.parse(localStorage.getItem(key) || "null");
    if (kept) {
      state.reviewer = String(kept.reviewer || "");
      Object.keys(kept.answers || {}).forEach(function (id) { if (known.has(id)) { state.answers[id] = kept.answers[id]; } });
      state.done = (kept.done || []).filter(function (step) { return known.has(step.id); });
      state.at = Math.min(Math.max(Number(kept.at) || 0, 0), items.length - 1);
    }
  } catch (error) {
    warn("This browser keeps nothing for this page. Save the file before you close it.");
  }

  function keep() {
    try {
      localStorage.setItem(key, JSON.stringify(state));
    } catch (error) {
      warn("This browser keeps nothing for this page. Save the file before you close it.");
    }
  }

  // Texts are only ever put in as text: what somebody wrote is never read as markup.
  function put(parent, tag, text, className) {
    var made = document.createElement(tag);
    if (text !== undefined) { made.textContent = text; made.dir = "auto"; }
    if (className) { made.className = className; }
    parent.appendChild(made);
    return made;
  }

  function block(parent, part) {
    put(parent, "h3", part.heading);
    if (part.text !== undefined) { put(parent, "p", part.text); }
    if (part.list !== undefined) {
      if (!part.list.length) { put(parent, "p", "(none)"); }
      var list = put(parent, "ol");
      part.list.forEach(function (text) { put(list, "li", text); });
    }
    (part.turns || []).forEach(function (turn) {
      var said = put(parent, "div", undefined, "turn " + (turn.role === "user" ? "user" : "other"));
      put(said, "b", turn.role);
      put(said, "p", turn.text);
    });
  }

  function show() {
    var item = items[state.at], home = byId("item"), given = Object.keys(state.answers).length;
    home.textContent = "";
    put(home, "h2", item.question);
    item.blocks.forEach(function (part) { block(home, part); });
    document.querySelectorAll("[data-answer]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(state.answers[item.id] === button.dataset.answer));
    });
    byId("progress").textContent = "Item " + (state.at + 1) + " of " + items.length + ", " + given + " answered" +
      (given === items.length ? ". All are answered: save the file." : "");
    byId("done").value = given;
    byId("save").disabled = !name.value.trim() || !given;
    keep();
  }

  function go(to) {
    state.at = Math.min(Math.max(to, 0), items.length - 1);
    show();
    document.querySelector(".bar").scrollIntoView();
  }

  function answer(what) {
    var id = items[state.at].id;
    state.done.push({ id: id, before: state.answers[id] === undefined ? null : state.answers[id] });
    state.answers[id] = what;
    go(state.at + 1);
  }

  function undo() {
    var step = state.done.pop();
    if (!step) { return; }
    if (step.before === null) { delete state.answers[step.id]; } else { state.answers[step.id] = step.before; }
    go(items.findIndex(function (item) { return item.id === step.id; }));
  }

  function save() {
    if (byId("save").disabled) {
      warn("Write your name and answer something first.");
      name.focus();
      return;
    }
    var file = {
      format: sheet.format, kind: sheet.kind, run: sheet.run, reviewer: name.value.trim(),
      saved: new Date().toISOString(), answers: state.answers
    };
    var link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(file, null, 1) + "\n"], { type: "application/json" }));
    link.download = "review-" + sheet.kind + "-" + (file.reviewer.replace(/[^\p{L}\p{N}]+/gu, "-") || "somebody") + ".json";
    link.click();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 10000);
  }

  var keys = {
    y: function () { answer("yes"); }, n: function () { answer("no"); }, u: function () { answer("unsure"); },
    z: undo, s: save,
    ArrowLeft: function () { go(state.at - 1); }, ArrowRight: function () { go(state.at + 1); }
  };
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target === name) { return; }
    var what = keys[event.key] || keys[event.key.toLowerCase()];
    if (what) { event.preventDefault(); what(); }
  });
  document.querySelectorAll("[data-answer]").forEach(function (button) {
    button.addEventListener("click", function () { answer(button.dataset.answer); });
  });
  byId("back").addEventListener("click", function () { go(state.at - 1); });
  byId("next").addEventListener("click", function () { go(state.at + 1); });
  byId("undo").addEventListener("click", undo);
  byId("save").addEventListener("click", save);
  name.value = state.reviewer;
  name.addEventListener("input", function () { state.reviewer = name.value; show(); });
  show();
})();
