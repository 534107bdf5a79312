// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "entry_form.h"
#include "known_entries.h"

#include <memory>
#include <unordered_map>

namespace tidemill::redis_stream {

// One stream of the server, and what we know of its end.
struct Stream
{
    // Nothing is certain any more about what we sent since the last confirmation: forget it, and look.
    // Before that, what is prepared must be dropped.
    void distrust();
    void dropPrepared();
    void takeAnsweredId();
    // All that was sent is there to stay. Of what is known, this many are kept.
    void confirm(qsizetype keep);

    QByteArray key;
    int slot = 0;
    QByteArray words;                     // of XADD behind its name, up to the id, in RESP
    std::vector<const EntryForm *> forms; // of all record types that go into it
    KnownEntries known;
    qsizetype prepared = 0;    // the newest of them: of the round that has not gone out yet
    qsizetype unconfirmed = 0; // the next ones: of the round that is under way
    // Of what a lookup has found, how much may still be offered: it is kept until as many have been added.
    qsizetype foundAhead = 0;
    QByteArray confirmedId; // of the last entry that is confirmed; empty: none yet
    QByteArray lastId;      // of the last one at all
    bool needsLookup = true;
    // The connection to its node broke in this round: nothing is certain of what the round has for it.
    bool isLost = false;
    bool isAway = false;     // that was so in the last round in which it was asked for
    bool hasRefused = false; // a record that it did not take counts as known, until the round ends
    // For the round that was made last.
    quint64 round = 0;
    std::size_t part = 0;
    QByteArrayView answeredId; // of the answer that is being read
};

// All streams that were written to.
class StreamTable
{
public:
    // `options`: what stands between key and id, in RESP.
    StreamTable(qsizetype lookup, const QByteArray &options) : m_lookup(lookup), m_options(options) {}

    Stream *find(const EntryForm &form, const Batch &batch, qsizetype row);
    // A connection is gone: another server may answer now that has not all of it.
    void distrustUnconfirmed();

private:
    struct Known // the stream of a record by the names in it, without printing the key
    {
        const EntryForm *form;
        EntryForm::KeyIds ids;
        friend bool operator==(const Known &, const Known &) = default;
    };
    struct KnownHash
    {
        std::size_t operator()(const Known &known) const;
    };

    Stream *streamOf(const EntryForm &form, const Batch &batch, qsizetype row);

    qsizetype m_lookup;
    QByteArray m_options;
    // By the symbol's number, of forms whose keys have nothing else in them.
    std::unordered_map<const EntryForm *, std::vector<Stream *>> m_bySymbol;
    const EntryForm *m_lastForm = nullptr;
    std::vector<Stream *> *m_lastSymbols = nullptr; // of that form
    std::unordered_map<Known, Stream *, KnownHash> m_byIds;
    std::unordered_map<std::string, std::unique_ptr<Stream>> m_byKey;
};

} // namespace tidemill::redis_stream
