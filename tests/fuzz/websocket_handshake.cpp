// SPDX-License-Identifier: Apache-2.0
#include "fuzz.h"
#include "handshake.h"
#include "http_text.h"

// Whatever answers our handshake: what counts as an HTTP reply has bounded, printable headers; nobody gets
// through without the answer to our key; compression is what we offered or nothing; and a server cannot make
// us wait for longer than a week.

using namespace tidemill;
using namespace tidemill::fuzz;
using namespace tidemill::net;

namespace {

constexpr QByteArrayView key("dGhlIHNhbXBsZSBub25jZQ==");
constexpr QByteArrayView answer("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); // as RFC 6455 section 1.3 works it out

void checkReply(const UpgradeReply &reply)
{
    require(reply.status >= 100 && reply.status <= 999, "a status has three digits");
    require(isHttpValue(reply.phrase), "the phrase has no control characters");
    require(reply.headers.size() <= 100, "the number of headers is bounded");
    for (const auto &[name, value] : reply.headers) {
        require(isHttpToken(name), "a header's name is a token");
        require(isHttpValue(value), "a header's value has no control characters");
        require(value == value.trimmed(), "a header's value has no blanks around it");
        const auto wait = parseRetryAfter(value, QDateTime::fromSecsSinceEpoch(1'700'000'000));
        require(!wait || (*wait >= wait->zero() && *wait <= std::chrono::hours(7 * 24)),
                "a wait is between nothing and a week");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArrayView bytes = view(data, size);
    const qsizetype end = findReplyEnd(bytes);
    require(end <= bytes.size(), "the end lies within what was received");
    if (end < 0) {
        (void)parseUpgradeReply(bytes); // never asked for, and harmless all the same
        return 0;
    }
    const QByteArrayView block = bytes.first(end);
    require(findReplyEnd(block) == end && findReplyEnd(block.chopped(1)) < 0, "the end is the first one");

    const auto reply = parseUpgradeReply(block);
    if (!reply) {
        require(!reply.error().message.isEmpty(), "an error says something");
        return 0;
    }
    checkReply(*reply);
    for (const bool offered : {false, true}) {
        const auto agreed = checkUpgradeReply(*reply, key, {.enabled = offered, .peerWindowBits = 12});
        if (!agreed)
            continue;
        require(reply->status == 101, "only 101 opens a WebSocket");
        require(block.toByteArray().contains(answer.toByteArray()), "only who answers our key gets through");
        require(offered || !*agreed, "nobody compresses unasked");
        if (*agreed)
            require((*agreed)->peerWindowBits >= 8 && (*agreed)->peerWindowBits <= 12 &&
                        (*agreed)->ourWindowBits >= 8 && (*agreed)->ourWindowBits <= 15,
                    "windows are as asked for");
    }
    return 0;
}
