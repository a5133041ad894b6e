#pragma once
/// \file
/// Looks and behaviour of the report's page.

#include <string_view>

namespace study {

/// Dark text on white, readable from a phone to paper.
inline constexpr std::string_view kPageStyle = R"(
:root { --ink: #1a1a1a; --soft: #555; --line: #d8d8d8; --blue: #0059a0; --warm: #fff3dc; }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 0 1rem 4rem; max-width: 72rem; color: var(--ink); background: #fff;
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
h1 { font-size: clamp(1.6rem, 4vw, 2.3rem); line-height: 1.2; margin: 2rem 0 .4rem; text-wrap: balance; }
h2 { font-size: 1.45em; line-height: 1.25; margin: 3rem 0 .8rem; padding-top: .8rem; border-top: 2px solid var(--ink); }
h3 { font-size: 1.12em; line-height: 1.3; margin: 2rem 0 .5rem; }
h4 { font-size: 1em; line-height: 1.3; margin: 1.6rem 0 .4rem; }
p, li { max-width: 46rem; }
p { margin: .6rem 0; }
a { color: var(--blue); }
a.anchor { color: var(--line); text-decoration: none; font-weight: normal; }
.subtitle { color: var(--soft); margin-top: 0; }
.banner { max-width: none; padding: .8rem 1rem; border: 2px solid #d55e00; background: var(--warm); font-weight: 600; }
.reading { padding: .5rem .9rem; border-left: 4px solid var(--blue); background: #f3f7fb; }
nav ol { columns: 2 18rem; column-gap: 2rem; padding-left: 0; }
nav li { break-inside: avoid; margin: .15rem 0 .15rem 2rem; }
code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .9em; background: #f2f2f2; padding: 0 .2em;
  overflow-wrap: anywhere; }
.run { text-decoration: underline dotted #aaa; text-underline-offset: .2em; cursor: help; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; margin: 1rem 0;
  align-items: start; }
figure { margin: 0; border: 1px solid var(--line); border-radius: 4px; padding: .25rem; break-inside: avoid; max-width: 40rem; }
figure svg { display: block; width: 100%; height: auto; }
.table { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; font-size: .88rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
.caption { margin: 1.2rem 0 .3rem; font-weight: 600; font-size: .92em; }
.caption a { font-weight: normal; }
th, td { padding: .3rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { border-bottom: 2px solid var(--ink); vertical-align: bottom; background: #fff; }
th.n, td.n { text-align: right; }
td.n { white-space: nowrap; }
tbody th { font-weight: normal; position: sticky; left: 0; background: #fff; min-width: 7rem; max-width: 18rem; }
td { min-width: 3rem; max-width: 30rem; }
tbody tr:nth-child(even) > * { background: #f8f8f8; }
.best { font-weight: 700; }
small { font-weight: normal; color: var(--soft); }
th[aria-sort] button, th button { all: unset; cursor: pointer; font-weight: 600; }
th button:focus-visible { outline: 2px solid var(--blue); }
th button::after { content: "\a0\2195"; color: #999; }
th[aria-sort=ascending] button::after { content: "\a0\2191"; color: var(--ink); }
th[aria-sort=descending] button::after { content: "\a0\2193"; color: var(--ink); }
@media (max-width: 40rem) {
  body { padding: 0 .8rem 3rem; }
  th, td { padding: .25rem .45rem; }
  tbody th { max-width: 9.5rem; }
}
@media print {
  @page { size: A4; margin: 14mm; }
  body { max-width: none; padding: 0; font-size: 9.5pt; }
  a { color: inherit; text-decoration: none; }
  a.anchor, .caption a, th button::after, script { display: none; }
  th button::after { content: ""; }
  .run { text-decoration: none; }
  .figures { grid-template-columns: 1fr 1fr; gap: 4mm; }
  figure:only-child { max-width: 125mm; }
  .figures:has(figure:only-child) { grid-template-columns: 1fr; }
  .table { overflow: visible; }
  table { font-size: 7pt; width: 100%; }
  th, td { padding: .8mm 1mm; min-width: 0; overflow-wrap: anywhere; }
  thead th, td.n { overflow-wrap: normal; }
  tbody th { position: static; min-width: 0; }
  thead { display: table-header-group; }
  tr, figure, .reading, .banner { break-inside: avoid; }
  h2, h3, h4, .caption { break-after: avoid; }
}
)";

/// Sorts a table by the column whose heading is clicked; without it the tables stand as they are.
inline constexpr std::string_view kPageScript = R"(
for (const table of document.querySelectorAll('table')) {
  const body = table.tBodies[0];
  if (body.rows.length < 3) continue;
  table.querySelectorAll('thead th').forEach((head, column) => {
    const button = document.createElement('button');
    button.append(...head.childNodes);
    head.append(button);
    button.onclick = () => {
      const up = head.getAttribute('aria-sort') !== 'ascending';
      table.querySelectorAll('thead th').forEach(other => other.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      const key = row => { const cell = row.cells[column], v = cell.dataset.v;
        return v === undefined ? cell.textContent : v === '' ? NaN : Number(v); };
      const order = (a, b) => { const x = key(a), y = key(b);
        if (typeof x === 'string' || typeof y === 'string') return String(x).localeCompare(String(y)) * (up ? 1 : -1);
        if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
        return (x - y) * (up ? 1 : -1); };
      body.append(...[...body.rows].sort(order));
    };
  });
}
)";

}  // namespace study
