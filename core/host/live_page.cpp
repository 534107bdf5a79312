// SPDX-License-Identifier: Apache-2.0
#include "live_page.h"

#include <QCryptographicHash>

namespace tidemill::host {

static const QByteArray style = R"css(
:root { color-scheme: light dark; --line: #8884; --ok: #2a8a4a; --warn: #b57700; --bad: #c8372d; }
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0 0 .2rem; }
#status { font-weight: 600; }
table { border-collapse: collapse; width: 100%; margin-top: 1rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; }
.figure { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.ok { color: var(--ok); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.error { color: var(--bad); overflow-wrap: anywhere; }
form { margin: 1rem 0; } footer { margin-top: 1.5rem; opacity: .75; }
)css";

// Whatever comes from the server is set as text, never as HTML.
static const QByteArray script = R"js(
'use strict';
const byId = id => document.getElementById(id);
const tokenKey = 'tidemill-token';
let previous = null;

async function ask(path) {
    const token = sessionStorage.getItem(tokenKey);
    const headers = token ? { Authorization: 'Bearer ' + token } : {};
    const answer = await fetch(path, { headers, cache: 'no-store' });
    return answer.status === 401 ? null : answer.json();
}

function figure(value) {
    if (value === null || value === undefined) return '\u2013';
    return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 });
}

function colour(state) {
    if (state === 'failed') return 'bad';
    if (state === 'degraded') return 'warn';
    return state === 'running' ? 'ok' : '';
}

function cell(row, text, className) {
    const made = row.insertCell();
    made.textContent = text;
    if (className) made.className = className;
}

function showNodes(stats) {
    const now = performance.now();
    const seconds = previous ? (now - previous.at) / 1000 : 0;
    const rows = document.createElement('tbody');
    const counts = new Map();
    for (const node of stats.nodes) {
        const id = node.pipeline + '/' + node.node;
        const before = previous && previous.counts.get(id);
        const rate = name => before && seconds > 0 ? Math.max(node[name] - before[name], 0) / seconds : null;
        counts.set(id, node);
        const row = rows.insertRow();
        cell(row, id);
        cell(row, node.kind + ' ' + node.type);
        cell(row, node.state, colour(node.state));
        for (const value of [rate('records_in'), rate('records_out'), node.records_in, node.records_out,
                             node.records_dropped, node.records_queued, node.last_data_age_seconds])
            cell(row, figure(value), 'figure');
        if (node.error) cell(rows.insertRow(), node.error, 'error');
        if (node.error) rows.lastChild.cells[0].colSpan = 10;
    }
    previous = { at: now, counts };
    byId('nodes').replaceChild(rows, byId('nodes').tBodies[0]);
    byId('uptime').textContent = figure(stats.uptime_seconds) + ' s up, ' + figure(stats.pairs_count) + ' symbols';
}

async function refresh() {
    try {
        const health = await ask('health');
        byId('status').textContent = health.status;
        byId('status').className = { OK: 'ok', DEGRADED: 'warn' }[health.status] || 'bad';
        const wrong = health.checks.filter(check => !check.ok).map(check => check.node + ': ' + check.error);
        byId('wrong').textContent = (health.error ? [health.error] : []).concat(wrong).join('; ');
        const stats = await ask('stats'); /* unlike health it may need the token */
        byId('login').hidden = stats !== null;
        if (stats) showNodes(stats);
    } catch (error) {
        byId('status').textContent = 'no answer';
        byId('status').className = 'bad';
        byId('wrong').textContent = String(error);
        previous = null;
    }
    setTimeout(refresh, 1000);
}

byId('login').addEventListener('submit', event => {
    event.preventDefault();
    sessionStorage.setItem(tokenKey, byId('token').value);
    byId('token').value = '';
});
refresh();
)js";

QByteArray livePage()
{
    return R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Tidemill</title>
<link rel="icon" href="data:,">
<style>)html" +
           style + R"html(</style>
</head>
<body>
<h1>Tidemill <span id="status">...</span></h1>
<div id="wrong" class="error"></div>
<div id="uptime"></div>
<form id="login" hidden><label>Token <input id="token" type="password" autocomplete="off"></label> <button>Use</button></form>
<table id="nodes">
<thead><tr><th>Node</th><th>Type</th><th>State</th><th class="figure">In/s</th><th class="figure">Out/s</th>
<th class="figure">In</th><th class="figure">Out</th><th class="figure">Dropped</th><th class="figure">Queued</th>
<th class="figure">Last data, s</th></tr></thead>
<tbody></tbody>
</table>
<footer><a href="health/detailed">health</a> · <a href="metrics">metrics</a> · <a href="stats">stats</a> ·
<a href="pairs">pairs</a> · <a href="graph">graph</a></footer>
<script>)html" +
           script + R"html(</script>
</body>
</html>
)html";
}

static QByteArray hashSource(const QByteArray &text)
{
    return "'sha256-" + QCryptographicHash::hash(text, QCryptographicHash::Sha256).toBase64() + '\'';
}

QByteArray livePagePolicy()
{
    return "default-src 'none'; connect-src 'self'; img-src data:; style-src " + hashSource(style) +
           "; script-src " + hashSource(script) +
           "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}

} // namespace tidemill::host
