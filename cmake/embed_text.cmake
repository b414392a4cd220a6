# Writes the lines of TEXT as the string NAME into the C file SOURCE.
file(STRINGS ${TEXT} lines)
set(code "/* Made of ${NAME}.txt by cmake/embed_text.cmake. */\n#include \"${NAME}.h\"\n\nconst char ${NAME}[] =")
foreach(line IN LISTS lines)
  string(REPLACE "\\" "\\\\" line "${line}")
  string(REPLACE "\"" "\\\"" line "${line}")
  string(APPEND code "\n    \"${line}\\n\"")
endforeach()
file(WRITE ${SOURCE} "${code};\n")
