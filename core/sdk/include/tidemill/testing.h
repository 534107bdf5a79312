// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/plugin.h>

#include <QSignalSpy>
#include <QTest>
#include <QVariantMap>

#include <initializer_list>

// Help for testing a plugin as the host would use it. Link Qt6::Test; tidemill_add_plugin(... TESTS ...)
// does.

// QVERIFY for a Result: on failure the test says the error's message.
#define TIDEMILL_VERIFY(expression)                                      \
    do {                                                                 \
        const auto &tidemillResult = (expression);                       \
        if (!tidemillResult)                                             \
            QVERIFY2(false, qPrintable(tidemillResult.error().message)); \
    } while (false)

namespace tidemill::testing {

// Loads the plugin `id` from `pluginDirectory` (the build's own by default) and sets its options, as the host
// does. Plugins of different kinds may have one id; `kind` ("sink") says which, without it the first is
// taken. The error has all messages, one a line.
TIDEMILL_SDK_EXPORT Result<NodePtr<Node>> createNode(const QString &id, const QVariantMap &options,
                                                     const NodeContext &context,
                                                     const QString &pluginDirectory,
                                                     const QString &kind = {});

template<typename T>
Result<NodePtr<T>> create(const QString &id, const QVariantMap &options = {}, const NodeContext &context = {})
{
    QString kind;
    if constexpr (std::is_same_v<T, Source>)
        kind = QStringLiteral("source");
    else if constexpr (std::is_same_v<T, Transform>)
        kind = QStringLiteral("transform");
    else if constexpr (std::is_same_v<T, Sink>)
        kind = QStringLiteral("sink");
    auto node = createNode(id, options, context, QStringLiteral(TIDEMILL_TEST_PLUGIN_DIR), kind);
    if (!node)
        return node.error();
    auto *typed = qobject_cast<T *>((*node).get());
    if (!typed)
        return Error{
            Error::Kind::Config,
            QStringLiteral("%1 is not a %2").arg(id, QLatin1String(T::staticMetaObject.className()))};
    (*node).release();
    return NodePtr<T>(typed);
}

template<Record T>
BatchPtr batch(std::initializer_list<T> rows)
{
    BatchBuilder<T> builder;
    for (const T &row : rows)
        builder.append(row);
    return builder.finish();
}

// All batches that a spy on `emitted` or `delivered` has seen.
TIDEMILL_SDK_EXPORT QList<BatchPtr> batches(const QSignalSpy &spy);
TIDEMILL_SDK_EXPORT int recordCount(const QSignalSpy &spy);

// The newest position of each stream that a spy on `positionReached` has seen. What the run before has kept
// is given to a source in NodeContext::positions.
TIDEMILL_SDK_EXPORT QHash<QByteArray, QByteArray> positions(const QSignalSpy &spy);

// All rows of one type among them, in order.
template<Record T>
QList<T> rows(const QSignalSpy &spy)
{
    QList<T> result;
    for (const BatchPtr &batch : batches(spy)) {
        for (const T &row : batch->rows<T>())
            result.append(row);
    }
    return result;
}

// The lines that a record prints as; a golden file holds these.
TIDEMILL_SDK_EXPORT QByteArray printed(const QList<BatchPtr> &batches);

} // namespace tidemill::testing
