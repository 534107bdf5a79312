// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QtGlobal>

// TIDEMILL_SDK_BUILD is defined by the build of libtidemill-sdk itself, and by nobody else.
#ifdef TIDEMILL_SDK_BUILD
#define TIDEMILL_SDK_EXPORT Q_DECL_EXPORT
#else
#define TIDEMILL_SDK_EXPORT Q_DECL_IMPORT
#endif
