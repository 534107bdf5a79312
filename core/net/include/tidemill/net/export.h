// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QtGlobal>

// TIDEMILL_NET_BUILD is defined by the build of libtidemill-net itself, and by nobody else.
#ifdef TIDEMILL_NET_BUILD
#define TIDEMILL_NET_EXPORT Q_DECL_EXPORT
#else
#define TIDEMILL_NET_EXPORT Q_DECL_IMPORT
#endif
