// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "replay_input.h"
#include "replay_pace.h"

#include <tidemill/net/feed_session.h>

#include <QHash>
#include <QObject>
#include <QTimer>
#include <QUrl>

#include <functional>
#include <map>
#include <memory>

namespace tidemill::net {

// Stands in for a Feed: sessions of the source's run on recorded connections, and are given what was received
// then. They may send and confirm as ever; nothing of it goes anywhere, and what they ask of the connection
// happens when it did happen. What goes out depends on the recording alone, not on how fast it is played,
// unless it is stamped with the time of now.
class Replay final : public QObject
{
    Q_OBJECT

public:
    struct Handlers
    {
        std::function<std::unique_ptr<FeedSession>(FeedLink &link)> makeSession;
        std::function<void(const QList<int> &streams)> interrupted; // as the signals of a Feed
        std::function<void(const QList<int> &streams)> resumed;
        // Frames are missing here: follow interrupted() and resumed() of all streams, with new sessions.
        std::function<void(const QString &what)> missed;
        std::function<void()> wentOn;                                          // that is done
        std::function<void(const Frame &frame)> rejected;                      // it is no text
        std::function<void(const QUrl &url, const QByteArray &body)> answered; // a REST request, then
        std::function<void()> tick;                                            // four times a second of now()
        std::function<void()> ended;
    };

    Replay(Handlers handlers, std::unique_ptr<ReplayInput> input, double speed, bool usesRecordedTime,
           QObject *parent);
    ~Replay() override;

    void setStreams(const QList<FeedStream> &streams);
    void start(); // plays from the event loop
    void stop();  // at once, and for good
    void setPaused(bool paused);

    Timestamp now() const { return m_usesRecordedTime ? m_now : Timestamp::now(); }
    const ReplayInput &input() const { return *m_input; }

private:
    class Line;

    void play();
    void handle(const RecordedEvent &event);
    void passTime(Timestamp time);
    void receive(const RecordedEvent &event);
    Line &lineOf(const RecordedEvent &event);
    Line &open(qint64 number, bool carriesAll);
    void lose(qint64 number, bool tellsStreams);
    void subscribe(Line &line, const QList<int> &streams);
    void makeLeader(Line &leader);
    void beginAnew();
    void startOver(const QString &missed);
    QList<int> idsOf(const QList<QByteArray> &names) const;
    void setCarried(const QList<int> &streams, bool isCarried);

    const Handlers m_handlers;
    const std::unique_ptr<ReplayInput> m_input;
    const bool m_usesRecordedTime;
    ReplayPace m_pace;
    QTimer m_timer{this};
    QList<FeedStream> m_wanted;
    QHash<QByteArray, int> m_ids;
    QHash<int, QByteArray> m_names;
    std::map<qint64, std::unique_ptr<Line>> m_lines;
    std::map<int, bool> m_carried;
    RecordedEvent m_event;
    bool m_hasEvent = false; // it is still to be played
    std::vector<Frame> m_frames;
    Timestamp m_now;
    Timestamp m_nextTick;
    bool m_isPaused = false;
    bool m_isOver = false;
};

} // namespace tidemill::net
