# Fails where a page in REFERENCE differs from the one in GENERATED.

foreach(page MoEDialect.md MoEPasses.md MoEToCPUPasses.md)
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E compare_files ${GENERATED}/${page} ${REFERENCE}/${page}
    RESULT_VARIABLE different OUTPUT_QUIET ERROR_QUIET)
  if(different)
    message(FATAL_ERROR "docs/reference/${page} is stale: run ./dev docs")
  endif()
endforeach()
