// SPDX-License-Identifier: Apache-2.0
'use strict';

// What every peer sends; tests/net/peer_messages.h and messages.py have the same, byte for byte.

const sizes = [0, 1, 125, 126, 65535, 65536, 1048576];

function noise(seed, size) {
    const bytes = Buffer.alloc(size);
    let state = seed >>> 0;
    for (let i = 0; i < size; ++i) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        bytes[i] = state >>> 24;
    }
    return bytes;
}

// UTF-8 of that many bytes; begins with a character of three.
function text(seed, size) {
    const bytes = noise(seed, size);
    for (let i = 0; i < size; ++i)
        bytes[i] = 0x20 + (bytes[i] & 0x3f);
    if (size >= 3)
        bytes.write('\u20ac', 0, 'utf8');
    return bytes.toString('utf8');
}

// Texts and binary messages of all sizes in turn, then many that are much alike.
function* messages() {
    for (let i = 0; i < sizes.length; ++i) {
        yield text(2 * i + 1, sizes[i]);
        yield noise(2 * i + 2, sizes[i]);
    }
    for (let i = 0; i < 200; ++i)
        yield `{"e":"trade","s":"BTCUSDT","t":${1000 + i}}`;
}

module.exports = {messages};
