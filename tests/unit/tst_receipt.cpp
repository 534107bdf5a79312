// SPDX-License-Identifier: Apache-2.0
#include "runtime_nodes.h"

#include <tidemill/receipt.h>

using namespace tidemill;
using namespace tidemill::testing;

// A source that must know when its batches are dealt with.
class tst_Receipt : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_graph = std::make_unique<RuntimeGraph>();
        m_source = m_graph->add<host::SourceRunner, ScriptedSource>("source");
        m_graph->add<host::TransformRunner, PassingTransform>("transform");
        m_sink = m_graph->add<host::SinkRunner, ScriptedSink>("sink");
        m_graph->connectDirectly("source", "transform");
        m_graph->connectQueued("transform", "sink");
        m_graph->start();
    }

    void cleanup()
    {
        m_hosts.clear();
        m_graph.reset();
    }

    void isCalledWhenAllIsStored()
    {
        m_sink->mute = true;
        send(1);
        send(2);
        QTRY_COMPARE(m_sink->unanswered.size(), 2);
        QCOMPARE(m_hosts.size(), std::size_t(0));
        m_sink->store(m_sink->unanswered.takeLast()); // in any order
        QTRY_COMPARE(m_hosts.size(), std::size_t(1));
        m_sink->store(m_sink->unanswered.takeLast());
        QTRY_COMPARE(m_hosts.size(), std::size_t(2));
    }

    // A shutdown waits until the source has passed it on.
    void keepsTheBatchUnderWay()
    {
        send(1);
        QTRY_COMPARE(m_hosts.size(), std::size_t(1));
        QVERIFY(m_hosts.front());
        QCOMPARE(m_graph->status("source").unsettled.load(), quint64(1));
        m_hosts.clear();
        QCOMPARE(m_graph->status("source").unsettled.load(), quint64(0));
    }

    void isNotCalledForWhatWasAbandoned()
    {
        bool called = false;
        auto receipt = std::make_shared<const Receipt>([&called](const DeliveryPtr &) { called = true; });
        const auto hosts = std::make_shared<const Delivery>();
        receipt->setHosts(hosts);
        receipt->abandon();
        QVERIFY(hosts->isAbandoned()); // so no checkpoint moves past it either
        receipt.reset();
        QVERIFY(!called);
        QCOMPARE(hosts.use_count(), 1);
    }

    void isCalledWithoutAHost()
    {
        bool called = false;
        {
            const Receipt receipt([&called](const DeliveryPtr &hosts) { called = !hosts; });
        }
        QVERIFY(called);
    }

private:
    void send(qint64 id)
    {
        const BatchPtr batch =
            testing::batch<Trade>({{.exchange = "test"_sym, .symbol = "A"_sym, .trade_id = id}});
        batch->attachDelivery(std::make_shared<const Receipt>(
            [this](DeliveryPtr hosts) { m_hosts.push_back(std::move(hosts)); }));
        emit m_source->emitted(batch);
    }

    std::unique_ptr<RuntimeGraph> m_graph;
    ScriptedSource *m_source = nullptr;
    ScriptedSink *m_sink = nullptr;
    std::vector<DeliveryPtr> m_hosts;
};

QTEST_GUILESS_MAIN(tst_Receipt)

#include "tst_receipt.moc"
