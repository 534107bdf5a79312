// SPDX-License-Identifier: Apache-2.0
'use strict';

// A WebSocket server on the npm package `ws`. Prints one line of JSON, the port of each way to compress, and then one
// for each connection that was closed. What a client gets goes by its path: /stream, /fragments, /echo and
// /close?code=...&reason=...  Ends when its standard input does.
//
//     node peer.js [FOLDER]    FOLDER: where node_modules is

const path = require('path');
const {once} = require('events');
const {messages} = require('./messages.js');
const {WebSocketServer} = require(require.resolve('ws', {paths: [path.resolve(process.argv[2] || __dirname)]}));

const variants = {
    plain: false,
    takeover: {threshold: 0},
    forgetful: {threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true},
    small: {threshold: 0, serverMaxWindowBits: 9, clientMaxWindowBits: 9},
};

const actions = {
    async stream(socket) {
        for (const message of messages())
            socket.send(message);
        socket.close(1000, 'done');
    },

    // Each message in three fragments. Waits for the answer to a ping within it.
    async fragments(socket) {
        for (const message of messages()) {
            const bytes = Buffer.from(message);
            const options = {binary: typeof message !== 'string', compress: true};
            const third = Math.floor(bytes.length / 3);
            socket.send(bytes.subarray(0, third), {...options, fin: false});
            socket.send(bytes.subarray(third, 2 * third), {...options, fin: false});
            if (bytes.length > 100) {
                const pong = once(socket, 'pong');
                socket.ping('within');
                await pong;
            }
            socket.send(bytes.subarray(2 * third), {...options, fin: true});
        }
        socket.close(1000, 'done');
    },

    async echo(socket) {
        socket.on('message', (data, isBinary) => socket.send(data, {binary: isBinary}));
    },

    async close(socket, query) {
        socket.close(Number(query.get('code')), query.get('reason'));
    },
};

function print(value) {
    process.stdout.write(JSON.stringify(value) + '\n');
}

function serve(name, perMessageDeflate) {
    const server = new WebSocketServer({host: '127.0.0.1', port: 0, perMessageDeflate});
    server.on('connection', (socket, request) => {
        const url = new URL(request.url, 'ws://localhost');
        socket.on('close', (code, reason) => print({variant: name, code, reason: reason.toString()}));
        socket.on('error', error => print({variant: name, error: error.message}));
        actions[url.pathname.slice(1)](socket, url.searchParams)
            .catch(error => print({variant: name, error: error.message}));
    });
    return once(server, 'listening').then(() => [name, server.address().port]);
}

process.stdin.on('end', () => process.exit(0)).resume();
Promise.all(Object.entries(variants).map(([name, deflate]) => serve(name, deflate)))
    .then(ports => print(Object.fromEntries(ports)));
