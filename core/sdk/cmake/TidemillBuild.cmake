# What every target of this tree is built with.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG") # -O3 makes an idle process larger and nothing here faster

# One layout in the build tree and after installation, so that the host finds its plugins the same way in both.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(CMAKE_INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}" "$ORIGIN")

find_program(CCACHE ccache)
if(CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER
        "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime "${CCACHE}")
endif()

add_compile_options(
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
    -Wno-missing-field-initializers) # GCC means Trade{.trade_id = 1} too, where the rest is well defined
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess) # what ccache needs to cache a unit that uses a precompiled header
endif()
if(TIDEMILL_WERROR)
    add_compile_options(-Werror)
endif()
if(TIDEMILL_SANITIZE)
    add_compile_options(-fsanitize=${TIDEMILL_SANITIZE} -fno-omit-frame-pointer -g1)
    add_link_options(-fsanitize=${TIDEMILL_SANITIZE})
endif()
add_compile_definitions(
    QT_NO_FOREACH QT_NO_URL_CAST_FROM_STRING QT_NO_CAST_TO_ASCII QT_NO_NARROWING_CONVERSIONS_IN_CONNECT
    QT_DISABLE_DEPRECATED_BEFORE=0x060400)

# tidemill_precompile(<target>): the headers that nearly every unit here includes, compiled once for all targets.
function(tidemill_precompile target)
    get_target_property(visibility ${target} CXX_VISIBILITY_PRESET)
    if(visibility STREQUAL "hidden") # a precompiled header serves only units compiled with the same flags
        set(shared tidemill-precompiled-hidden)
    else()
        set(shared tidemill-precompiled)
    endif()
    get_target_property(small ${target} TIDEMILL_SMALL)
    if(small)
        string(APPEND shared "-small")
    endif()
    if(NOT TARGET ${shared})
        set(empty "${CMAKE_BINARY_DIR}/${shared}.cpp")
        file(WRITE "${empty}" "")
        add_library(${shared} OBJECT "${empty}")
        target_link_libraries(${shared} PRIVATE Qt6::Core)
        if(visibility STREQUAL "hidden")
            set_target_properties(${shared} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
        endif()
        if(small)
            target_compile_options(${shared} PRIVATE "$<$<CONFIG:Release>:-Os>")
        endif()
        target_precompile_headers(${shared} PRIVATE
            <QByteArray> <QHash> <QList> <QMap> <QObject> <QString> <QStringList> <QTimer> <QVariant>
            <chrono> <functional> <memory> <optional> <string> <variant> <vector>)
    endif()
    target_precompile_headers(${target} REUSE_FROM ${shared})
endfunction()

# tidemill_small(<target> [HOT <source>...]): code that runs now and then (files, options, pages) compiled for size, as an
# idle process keeps most of it in memory; what each record passes, the HOT sources, for speed. Before tidemill_precompile().
function(tidemill_small target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "HOT")
    set_target_properties(${target} PROPERTIES TIDEMILL_SMALL ON)
    target_compile_options(${target} PRIVATE "$<$<CONFIG:Release>:-Os>")
    if(arg_HOT)
        set_source_files_properties(${arg_HOT} PROPERTIES
            COMPILE_OPTIONS "$<$<CONFIG:Release>:-O2>" SKIP_PRECOMPILE_HEADERS ON)
    endif()
endfunction()

# tidemill_add_test(<name> SOURCES <file>... [LIBRARIES <target>...]): a Qt Test program run by ctest.
function(tidemill_add_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "tidemill_add_test(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
    endif()
    add_executable(${name} ${arg_SOURCES})
    target_link_libraries(${name} PRIVATE Qt6::Test ${arg_LIBRARIES})
    set_target_properties(${name} PROPERTIES AUTOMOC ON RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
    target_compile_definitions(${name} PRIVATE
        TIDEMILL_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
        TIDEMILL_BUILD_DIR="${CMAKE_BINARY_DIR}"
        TIDEMILL_TEST_PLUGIN_DIR="${CMAKE_BINARY_DIR}/lib/tidemill/plugins")
    tidemill_precompile(${name})
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT 120 ENVIRONMENT "QT_QPA_PLATFORM=offscreen;TZ=UTC")
endfunction()
