// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/backoff.h>
#include <tidemill/net/export.h>
#include <tidemill/net/http_client.h>

#include <QObject>

#include <functional>
#include <memory>
#include <optional>

namespace tidemill::net {

// What an exchange lets one address ask for, as data.
struct RestLimits
{
    int weight = 6000; // of requests in a window, see RestRequest
    std::chrono::milliseconds window{60'000};
    bool wallClock = false;           // the window is the minute of the clock, not a sliding one
    double usable = 0.8;              // of the weight: others behind the same address need some too
    QByteArray usedWeightHeader;      // in answers: what has been used of the window, by the exchange's count
                                      // (it may know of others behind our address); empty: none
    QList<int> blockingStatuses{429}; // "stop asking": nobody asks that host again before Retry-After
    std::chrono::milliseconds defaultRetryAfter{60'000}; // if such an answer names no time
};

struct RestSettings
{
    HttpSettings http;
    HeaderList headers;
    RestLimits limits;
    BackoffSettings backoff{.initial = std::chrono::milliseconds(500), .max = std::chrono::seconds(30)};
    int attempts = 0; // 0: tries on until it has an answer
    // Requests without an answer; further ones are refused. Whoever asks for many things keeps count of them
    // himself: this is for what nobody thought of.
    qsizetype maxWaiting = 20000;
};

// What is asked, and what is no answer to it.
struct RestRequest
{
    QUrl url{};
    int weight = 1;       // what the exchange counts for it; where it counts requests, 1
    HeaderList headers{}; // after those of the settings; of two with one name this one is sent
    int attempts = 0;     // 0: those of the settings
    // Of a reply that came with a success: why it is none all the same, so that it is asked for again, as
    // where an exchange says with status 200 that it is busy. Nothing: it is the answer. Called once for each
    // such reply, in front of the callback, as long as the context lives; empty: every success is an answer.
    std::function<std::optional<QString>(const HttpReply &)> unusable{};
};

// Asks an exchange's REST API within its limits. All clients of a process that ask the same host (scheme,
// name and port) share one budget, that of the first of them, and one ban: when the exchange says "stop
// asking", nobody of us asks that host again before the time it named. Requests go out one at a time in the
// order given. No connection, a broken or late reply, 5xx, the blocking statuses and what the request calls
// unusable are tried again, each request after a pause of its own in which the others have their turn; all of
// them pause only when one after the other fails. Any other answer is the caller's. Lives in one thread;
// clients of a host may live in several.
class TIDEMILL_NET_EXPORT RestClient : public QObject
{
    Q_OBJECT

public:
    using Callback = std::function<void(const HttpReply &)>;

    explicit RestClient(QObject *parent = nullptr);
    ~RestClient() override;

    // Before the first get(). An error, and nothing changed, if the CA file or the proxy cannot be used.
    Result<> configure(const RestSettings &settings);

    // Calls back once, from the event loop, with a reply whose status is final; with reply.error only if
    // `attempts` are used up, no try can help (an address that is none, a body beyond the limit), or too many
    // wait already: then it may be asked for later, not within the callback. Not at all if `context` (of this
    // thread) or this client is deleted before, or after cancel().
    void get(const RestRequest &request, QObject *context, Callback callback);
    // Hears of each reply that came with a success, before who asked, also of one that is unusable.
    void setObserver(std::function<void(const QUrl &url, const QByteArray &body)> observer);
    // From now on nobody is asked: a request waits for the answer that was recorded.
    void beginReplay();
    // What was answered once, to the first request that waits for it: of the same name (the last part of the
    // path) and with the same query, but for a limit. After an unusable one it waits for the next.
    void replayAnswer(const QUrl &url, const QByteArray &body);
    // Forgets all requests of that context, also the one under way.
    void cancel(QObject *context);

    // Requests that have no answer yet.
    qsizetype waiting() const;

Q_SIGNALS:
    // Something has to be tried again or waited for, said each time; and the first answer after that with
    // which nothing is tried again any more.
    void troubled(const tidemill::Error &cause);
    void recovered();

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace tidemill::net
