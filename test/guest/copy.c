// Copies /data/in to /data/out, and tells what /data holds. It fails where it cannot, and of a file
// that begins with "!".
#include <dirent.h>
#include <stdio.h>
#include <string.h>

static int fail(const char *what) {
  perror(what);
  return 1;
}

int main(void) {
  static char text[65536];
  FILE *in = fopen("/data/in", "r");
  if (!in) return fail("/data/in");
  size_t length = fread(text, 1, sizeof text, in);
  if (ferror(in) || fclose(in) != 0) return fail("/data/in");
  if (length > 0 && text[0] == '!') return 3;
  FILE *out = fopen("/data/out", "w");
  if (!out) return fail("/data/out");
  if (fwrite(text, 1, length, out) != length || fclose(out) != 0) return fail("/data/out");
  DIR *directory = opendir("/data");
  if (!directory) return fail("/data");
  for (struct dirent *entry; (entry = readdir(directory));)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) puts(entry->d_name);
  return closedir(directory) == 0 ? 0 : fail("/data");
}
