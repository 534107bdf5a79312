// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QElapsedTimer>

#include <algorithm>

namespace tidemill::exchange {

// Lets `burst` requests through at once and `perSecond` in the long run.
class TokenBucket
{
public:
    TokenBucket(int perSecond, int burst) : m_perSecond(perSecond), m_burst(burst), m_tokens(burst)
    {
        m_clock.start();
    }

    bool take()
    {
        m_tokens = std::min<double>(m_burst, m_tokens + double(m_clock.nsecsElapsed()) * 1e-9 * m_perSecond);
        m_clock.restart();
        if (m_tokens < 1)
            return false;
        m_tokens -= 1;
        return true;
    }

private:
    int m_perSecond;
    int m_burst;
    double m_tokens;
    QElapsedTimer m_clock;
};

} // namespace tidemill::exchange
