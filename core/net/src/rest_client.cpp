// SPDX-License-Identifier: Apache-2.0
#include "rest_budget.h"

#include <tidemill/net/rest_client.h>

#include <QPointer>
#include <QTimer>
#include <QUrlQuery>

#include <algorithm>
#include <deque>

namespace tidemill::net {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

namespace {

constexpr milliseconds longestTimer{3'600'000}; // then the budget is asked again

// Of an answer that is not one, for an operator.
QString describe(const HttpReply &reply)
{
    if (reply.error)
        return reply.error->message;
    const QString body = QString::fromUtf8(reply.body.left(200)).simplified();
    return QStringLiteral("HTTP %1%2").arg(reply.status).arg(body.isEmpty() ? QString() : u' ' + body);
}

bool isSameQuestion(const QUrl &asked, const QUrl &recorded)
{
    const auto queryOf = [](const QUrl &url) {
        QList<std::pair<QString, QString>> items = QUrlQuery(url).queryItems();
        items.removeIf([](const auto &item) { return item.first == QLatin1String("limit"); });
        std::sort(items.begin(), items.end());
        return items;
    };
    return asked.fileName() == recorded.fileName() && queryOf(asked) == queryOf(recorded);
}

} // namespace

struct RestClient::Private
{
    struct Item
    {
        RestRequest request;
        QPointer<QObject> context;
        Callback callback;
        quint64 number = 0;
        int tries = 0;
        std::unique_ptr<Backoff> backoff{}; // once it has failed, and then
        Clock::time_point notBefore{};
    };

    explicit Private(RestClient *client)
        : q(client)
        , http(client)
        , wake(client)
        , hostBackoff(settings.backoff)
    {
        wake.setSingleShot(true);
        QObject::connect(&wake, &QTimer::timeout, client, [this] { next(); });
    }

    std::function<void(const QUrl &, const QByteArray &)> observer;
    bool isReplay = false;

    void next();
    void refuse(Item item);
    void answerRefused();
    void handle(const HttpReply &reply, RestBudget &budget, qint64 window);
    bool isBlocking(const HttpReply &reply) const
    {
        return !reply.error && settings.limits.blockingStatuses.contains(reply.status);
    }
    // Why it is worth another try; nothing: it is the answer, or there will be none.
    std::optional<QString> reasonToRetry(const Item &item, const HttpReply &reply) const;
    bool isLastTry(const Item &item) const
    {
        const int attempts = item.request.attempts > 0 ? item.request.attempts : settings.attempts;
        return attempts > 0 && item.tries >= attempts;
    }
    bool isRetrying() const
    {
        return std::any_of(queue.begin(), queue.end(),
                           [](const Item &item) { return item.tries > 0 && item.context; });
    }
    milliseconds putOff(Item &item, std::optional<milliseconds> atLeast);
    static Error givenUp(const Item &item, const QString &reason)
    {
        return {
            Error::Kind::Network,
            QStringLiteral("%1: %2, after %3 tries").arg(item.request.url.host(), reason).arg(item.tries)};
    }
    void wait(milliseconds time) { wake.start(std::clamp(time, milliseconds(1), longestTimer)); }
    void waitUntil(Clock::time_point time)
    {
        wait(std::chrono::ceil<milliseconds>(std::min<Clock::duration>(time - Clock::now(), longestTimer)));
    }
    void noteTrouble(const QString &host, const QString &what)
    {
        isTroubled = true;
        emit q->troubled({Error::Kind::Network, host + QStringLiteral(": ") + what});
    }

    RestClient *q;
    RestSettings settings;
    HttpClient http;
    QTimer wake;
    Backoff hostBackoff;
    Clock::time_point pausedUntil; // for all of them
    quint64 lastNumber = 0;
    quint64 lastFailed = 0;   // since the last answer; 0: none
    std::deque<Item> queue;   // the first one is under way if there is a ticket
    std::deque<Item> refused; // and not told yet
    bool willTell = false;
    std::unique_ptr<QObject>
        ticket; // the context of the request under way: without it, nobody hears the reply
    bool isTroubled = false;
};

RestClient::RestClient(QObject *parent) : QObject(parent), d(std::make_unique<Private>(this)) {}

RestClient::~RestClient() = default;

Result<> RestClient::configure(const RestSettings &settings)
{
    if (auto configured = d->http.configure(settings.http); !configured)
        return configured;
    d->settings = settings;
    d->hostBackoff = Backoff(settings.backoff);
    return {};
}

void RestClient::get(const RestRequest &request, QObject *context, Callback callback)
{
    Private::Item item{request, context, std::move(callback), ++d->lastNumber};
    if (qsizetype(d->queue.size()) >= d->settings.maxWaiting)
        return d->refuse(std::move(item));
    d->queue.push_back(std::move(item));
    d->next();
}

void RestClient::setObserver(std::function<void(const QUrl &, const QByteArray &)> observer)
{
    d->observer = std::move(observer);
}

void RestClient::beginReplay()
{
    d->isReplay = true;
}

void RestClient::replayAnswer(const QUrl &url, const QByteArray &body)
{
    const auto found = std::find_if(d->queue.begin(), d->queue.end(), [&url](const Private::Item &item) {
        return item.context && isSameQuestion(item.request.url, url);
    });
    if (found == d->queue.end())
        return;
    HttpReply reply;
    reply.status = 200;
    reply.body = body;
    ++found->tries;
    if (const auto reason = d->reasonToRetry(*found, reply)) {
        if (!d->isLastTry(*found)) {
            std::rotate(found, found + 1, d->queue.end()); // as it went then
            return;
        }
        reply.error = d->givenUp(*found, *reason);
    }
    const Private::Item item = std::move(*found);
    d->queue.erase(found);
    item.callback(reply);
}

void RestClient::cancel(QObject *context)
{
    std::erase_if(d->refused, [context](const Private::Item &item) { return item.context == context; });
    if (d->queue.empty())
        return;
    if (d->ticket && d->queue.front().context == context)
        d->ticket.reset();
    std::erase_if(d->queue, [context](const Private::Item &item) { return item.context == context; });
    d->next();
}

qsizetype RestClient::waiting() const
{
    return qsizetype(d->queue.size() + d->refused.size());
}

void RestClient::Private::refuse(Item item)
{
    refused.push_back(std::move(item));
    if (!std::exchange(willTell, true))
        QMetaObject::invokeMethod(
            q, [this] { answerRefused(); }, Qt::QueuedConnection);
}

void RestClient::Private::answerRefused()
{
    willTell = false;
    const QPointer<RestClient> alive(q);
    for (std::size_t left = refused.size(); alive && left > 0 && !refused.empty(); --left) {
        const Item item = std::move(refused.front());
        refused.pop_front();
        HttpReply reply;
        reply.error = {Error::Kind::Network, QStringLiteral("%1: more than %2 requests wait for it already")
                                                 .arg(item.request.url.host())
                                                 .arg(settings.maxWaiting)};
        if (item.context)
            item.callback(reply);
    }
}

void RestClient::Private::next()
{
    if (ticket || isReplay)
        return;
    std::erase_if(queue, [](const Item &item) { return !item.context; });
    if (queue.empty())
        return;
    const Clock::time_point now = Clock::now();
    if (now < pausedUntil)
        return waitUntil(pausedUntil);
    const auto due =
        std::find_if(queue.begin(), queue.end(), [now](const Item &item) { return item.notBefore <= now; });
    if (due == queue.end())
        return waitUntil(std::min_element(queue.begin(), queue.end(), [](const Item &a, const Item &b) {
                             return a.notBefore < b.notBefore;
                         })->notBefore);
    std::rotate(queue.begin(), due, due + 1);
    const Item &item = queue.front();
    const RestRequest &request = item.request;
    const std::shared_ptr<RestBudget> budget = RestBudget::shared(request.url, settings.limits);
    const RestBudget::Turn turn = budget->tryTake(std::max(request.weight, 0));
    if (turn.wait > 0) {
        if (turn.isBanned && !isTroubled)
            noteTrouble(request.url.host(),
                        QStringLiteral("it has asked us to stop for another %1 ms").arg(turn.wait));
        wait(milliseconds(turn.wait));
        return;
    }
    ticket = std::make_unique<QObject>();
    http.get(request.url, settings.headers + request.headers, ticket.get(),
             [this, budget, window = turn.window](const HttpReply &reply) {
                 // Not from within Qt's own call: whoever is called back may delete us, and that with it.
                 QMetaObject::invokeMethod(
                     ticket.get(), [this, budget, window, reply] { handle(reply, *budget, window); },
                     Qt::QueuedConnection);
             });
}

std::optional<QString> RestClient::Private::reasonToRetry(const Item &item, const HttpReply &reply) const
{
    if (!item.context) // nobody waits for it
        return {};
    const bool mayPass =
        reply.error ? reply.error->kind == Error::Kind::Network : reply.status >= 500 || isBlocking(reply);
    if (mayPass)
        return describe(reply);
    return reply.isSuccess() && item.request.unusable ? item.request.unusable(reply) : std::nullopt;
}

// A request that fails by itself holds up nobody else. When two fail with no answer in between it is the
// host's trouble, and what a reply asks for is meant for everybody: then all of them wait.
milliseconds RestClient::Private::putOff(Item &item, std::optional<milliseconds> atLeast)
{
    const Clock::time_point now = Clock::now();
    if (!item.backoff)
        item.backoff = std::make_unique<Backoff>(settings.backoff);
    const milliseconds delay = item.backoff->next(atLeast);
    item.notBefore = now + delay;
    const quint64 before = std::exchange(lastFailed, item.number);
    if (before != 0 && before != item.number)
        pausedUntil = now + hostBackoff.next(atLeast);
    else if (atLeast)
        pausedUntil = now + *atLeast;
    return delay;
}

void RestClient::Private::handle(const HttpReply &reply, RestBudget &budget, qint64 window)
{
    ticket.release()->deleteLater(); // it is still being called
    Item &item = queue.front();
    if (!settings.limits.usedWeightHeader.isEmpty()) {
        if (const auto used = findHeader(reply.headers, settings.limits.usedWeightHeader))
            budget.correct(used->toLongLong(), window);
    }
    auto atLeast = reply.retryAfter;
    if (isBlocking(reply)) {
        atLeast = atLeast.value_or(settings.limits.defaultRetryAfter);
        budget.ban(atLeast->count());
    }
    if (observer && reply.isSuccess())
        observer(item.request.url, reply.body);
    ++item.tries;
    HttpReply answer = reply;
    if (const auto reason = reasonToRetry(item, reply)) {
        const milliseconds delay = putOff(item, atLeast);
        if (!isLastTry(item)) {
            const QString host = item.request.url.host();
            std::rotate(queue.begin(), queue.begin() + 1, queue.end()); // those behind it go first
            const QPointer<RestClient> alive(q);
            noteTrouble(host, QStringLiteral("%1; trying again in %2 ms").arg(*reason).arg(delay.count()));
            if (alive)
                next();
            return;
        }
        answer.error = givenUp(item, *reason);
    } else {
        hostBackoff.reset();
        lastFailed = 0;
    }
    const Item done = std::move(item);
    queue.pop_front();
    const QPointer<RestClient> alive(q);
    if (!answer.error && isTroubled && !isRetrying()) {
        isTroubled = false;
        emit q->recovered();
    }
    if (alive && done.context)
        done.callback(answer);
    if (alive)
        next();
}

} // namespace tidemill::net
