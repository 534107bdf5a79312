# tidemill_add_plugin(<id> SOURCES <file>... [LIBRARIES <target>...] [TESTS <file>...] [TEST_LIBRARIES <target>...])
#
# Builds the plugin <id> whose metadata is <id>.json: a loadable module in the folder where
# the host looks for its kind, with the logging category tidemill.<kind>.<id>, installed,
# and with its tests registered. The same function serves the plugins of this tree and,
# after find_package(Tidemill), those outside it.
#
# The target is named <id> too, or <id>_<kind> if a plugin of another kind has the same id.

list(APPEND CMAKE_AUTOMOC_MACRO_NAMES TIDEMILL_PLUGIN)
# Without this, a changed .json alone would not rebuild the plugin.
list(APPEND CMAKE_AUTOMOC_DEPEND_FILTERS
    "TIDEMILL_PLUGIN" "[\n\r][ \t]*TIDEMILL_PLUGIN[ \t]*\\([^,]*,[ \t\r\n]*\"([^\"]+)\"")

# Everything that a running host may load; `cmake --build . --target tidemill-plugins`.
if(NOT TARGET tidemill-plugins)
    add_custom_target(tidemill-plugins)
endif()

function(tidemill_add_plugin id)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES;TESTS;TEST_LIBRARIES")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "tidemill_add_plugin(${id}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
    endif()

    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${id}.json)
    file(READ ${id}.json metadata)
    string(JSON kind GET "${metadata}" kind)
    if(NOT kind MATCHES "^(source|transform|sink)$")
        message(FATAL_ERROR "${id}.json: kind must be source, transform or sink, not '${kind}'")
    endif()

    set(output_dir "${CMAKE_BINARY_DIR}/lib/tidemill/plugins/${kind}s")
    set(target ${id})
    if(TARGET ${id})
        set(target ${id}_${kind})
    endif()
    add_library(${target} MODULE ${arg_SOURCES})
    target_link_libraries(${target} PRIVATE Tidemill::Sdk ${arg_LIBRARIES})
    target_compile_definitions(${target} PRIVATE TIDEMILL_LOG_CATEGORY="tidemill.${kind}.${id}")
    # moc alone is not enough: Ninja prunes the compile step after it, until the next build.
    set_property(SOURCE ${arg_SOURCES} APPEND PROPERTY OBJECT_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${id}.json")
    set_target_properties(${target} PROPERTIES
        AUTOMOC ON
        PREFIX ""
        OUTPUT_NAME ${id}
        CXX_VISIBILITY_PRESET hidden
        VISIBILITY_INLINES_HIDDEN ON
        INSTALL_RPATH "$ORIGIN/../../.." # installed, libtidemill-net lies three folders up
        LIBRARY_OUTPUT_DIRECTORY "${output_dir}")
    if(COMMAND tidemill_precompile)
        tidemill_precompile(${target})
    endif()
    add_dependencies(tidemill-plugins ${target})
    install(TARGETS ${target} LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}/tidemill/plugins/${kind}s")

    if(NOT BUILD_TESTING)
        return()
    endif()
    foreach(source IN LISTS arg_TESTS)
        get_filename_component(test ${source} NAME_WE)
        add_executable(${test} ${source})
        target_link_libraries(${test} PRIVATE Tidemill::Testing ${arg_LIBRARIES} ${arg_TEST_LIBRARIES})
        target_include_directories(${test} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
        target_compile_definitions(${test} PRIVATE
            TIDEMILL_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
            TIDEMILL_BUILD_DIR="${CMAKE_BINARY_DIR}"
            TIDEMILL_TEST_PLUGIN_DIR="${CMAKE_BINARY_DIR}/lib/tidemill/plugins")
        set_target_properties(${test} PROPERTIES AUTOMOC ON RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
        if(COMMAND tidemill_precompile)
            tidemill_precompile(${test})
        endif()
        add_dependencies(${test} ${target})
        add_test(NAME ${target}.${test} COMMAND ${test})
        set_tests_properties(${target}.${test} PROPERTIES TIMEOUT 120 ENVIRONMENT "TZ=UTC")
    endforeach()
endfunction()
