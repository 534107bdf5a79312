// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster_map.h"

#include <tidemill/redis/client.h>

#include <QByteArray>

#include <deque>
#include <optional>

namespace tidemill::redis {

// What was given to the client, on its way.
struct Request
{
    QByteArray bytes;
    int slot = anySlot;
    qsizetype answersDue = 1;         // of the server, until it is done
    qsizetype transactionAnswers = 1; // how many that were at first
    int answersToSkip = 0;            // in front of ours: the OK to an ASKING
    bool isTransaction = false;
    bool isTooLong = false; // its answer
    bool isForNode = false; // without a key
    bool isForTaker = false;
    int redirects = 0;
    std::optional<ClusterMap::Node> askAt; // where an ASK sent it
    std::chrono::milliseconds blockTime{0};
    QByteArray firstError; // of a transaction
    Client::Callback callback;
};

using Requests = std::deque<Request>;

} // namespace tidemill::redis
