/* An ordinary program: the machine's name, and its own process. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    char name[512];

    if (gethostname(name, sizeof(name))) {
        perror("gethostname");
        return 1;
    }
    printf("%s\n(asked by process %d)\n", name, (int)getpid());
    return 0;
}
