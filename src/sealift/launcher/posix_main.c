#include "launch.h"
#include "message.h"

int main(int count, char **arguments) {
    static char nameless[] = "";
    static char *no_arguments[] = {nameless, NULL};
    if (count < 1) count = 1, arguments = no_arguments;
    name_program(arguments[0]);
    return launch(count, arguments);
}
