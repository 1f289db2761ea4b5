// The charts, drawn by plotly.js from the JSON in the page, and the copy buttons.
"use strict";

const source = document.getElementById("chart-data");
const data = source ? JSON.parse(source.textContent) : null;
const dark = matchMedia("(prefers-color-scheme: dark)");

// Okabe and Ito's palette: told apart with every common colour blindness.
const PALETTE = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c7ae6", "#b8a800", "#8a8f8c"];
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const german = data && data.language === "de";

function layout(extra) {
  const soft = colour("--soft"), line = colour("--line"), card = colour("--card"), ink = colour("--ink");
  return {
    barmode: "stack",
    margin: { l: 52, r: 8, t: 8, b: 34 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", size: 12, color: soft },
    separators: german ? ",." : ".,",
    hovermode: "x unified",
    hoverlabel: { bgcolor: card, bordercolor: line, font: { color: ink } },
    legend: { orientation: "h", y: -0.16, x: 0, traceorder: "normal" },
    showlegend: true,
    xaxis: {
      type: "date", range: padded(), fixedrange: true, gridcolor: "rgba(0,0,0,0)", linecolor: line,
      tickformat: german ? "%d.%m." : "%b %-d", hoverformat: german ? "%d.%m.%Y" : "%b %-d, %Y", nticks: 8,
    },
    yaxis: { fixedrange: true, gridcolor: line, zeroline: false, rangemode: "tozero", exponentformat: "none", automargin: true, tickprefix: german ? "" : "$", ticksuffix: german ? " $" : "", nticks: 6 },
    ...extra,
  };
}

// Half a day on either side, so that the first and the last bar are whole.
function padded() {
  const [start, end] = data.span.map((day) => Date.parse(`${day}T00:00:00Z`));
  return [start - 432e5, end + 432e5].map((at) => new Date(at).toISOString().slice(0, 19));
}

const BAR = 0.75 * 864e5; // of a day: plotly.js takes it from the distance of two bars, and draws one alone as a hairline
const options = { displayModeBar: false, responsive: true };

// As the page writes amounts: below a dollar two digits that count, so that no cost is zero.
function amount(usd) {
  const places = !usd ? 0 : usd >= 1 ? 2 : Math.min(12, Math.max(2, 1 - Math.floor(Math.log10(usd))));
  const text = usd.toLocaleString(german ? "de-DE" : "en-US", { minimumFractionDigits: Math.min(2, places), maximumFractionDigits: places });
  return german ? `${text}\u00a0$` : `$${text}`;
}

function drawSpend() {
  const place = document.getElementById("spend");
  if (!place) return;
  const split = document.querySelector('#split input:checked').value;
  const two = [colour("--spend"), colour("--waste")];
  const traces = Object.entries(data.splits[split]).map(([name, values], i) => ({
    type: "bar", name: escaped(short(name)), x: data.dates, y: values, width: BAR,
    customdata: values.map(amount), hovertemplate: `%{customdata}<extra>${escaped(short(name))}</extra>`,
    marker: { color: split === "waste" ? two[i] : PALETTE[i % PALETTE.length] },
  }));
  place.style.height = innerWidth <= 640 && traces.length > 2 ? `${220 + 20 * traces.length}px` : ""; // room for their names
  Plotly.react(place, traces, layout({}), options);
  Plotly.Plots.resize(place);
}

// The lists below the chart have the whole name; models often differ in their last letters only.
const short = (name) => (name.length > 28 ? `${name.slice(0, 13)}…${name.slice(-14)}` : name);

function drawWrites() {
  const place = document.getElementById("writes");
  if (!place) return;
  const share = {
    type: "scatter", mode: "lines+markers", x: data.dates, y: data.write_share, showlegend: false, connectgaps: false,
    line: { color: colour("--spend"), width: 2.5 }, marker: { size: 5 }, hovertemplate: "%{y:.1%}<extra></extra>",
  };
  const limit = {
    shapes: [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: 0.3, y1: 0.3, line: { color: colour("--waste"), width: 1.5, dash: "dash" } }],
    annotations: [{ xref: "paper", x: 0, xanchor: "left", y: 0.3, yanchor: "top", showarrow: false, text: data.limit_label, font: { color: colour("--ink") } }],
  };
  const top = Math.max(0.4, ...data.write_share.filter((value) => value !== null)) * 1.1;
  const axis = { ...layout({}).yaxis, tickprefix: "", ticksuffix: "", tickformat: ".0%", range: [0, Math.min(top, 1.05)] };
  Plotly.react(place, [share], layout({ ...limit, yaxis: axis, showlegend: false, margin: { l: 44, r: 8, t: 8, b: 28 } }), options);
}

// plotly.js reads a few HTML tags in names, and names come from reports.
function escaped(name) {
  return name.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function draw() {
  drawSpend();
  drawWrites();
}

if (data && window.Plotly) {
  draw();
  dark.addEventListener("change", draw);
  document.getElementById("split")?.addEventListener("change", drawSpend);
}

for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("code");
    if (!navigator.clipboard) { // as over plain HTTP from another machine: marked, for Ctrl-C
      getSelection().selectAllChildren(code);
      return;
    }
    await navigator.clipboard.writeText(code.textContent);
    const label = button.textContent;
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}
