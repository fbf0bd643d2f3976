#include "proxy/cli_load.h"

#include <memory>
#include <string>

namespace crossfade::proxy {
namespace {

// What was written of the format: put together once all of it is known.
struct FormatWords {
  std::string format, null_mark;
  bool has_null = false;
  std::string delimiter;
  bool header = false, no_header = false;
};

void settle_format(const FormatWords& words, LoadOrder& order) {
  using FormatKind = migrate::DelimitedFormat::Kind;
  order.format.kind = words.format == "tsv" ? FormatKind::tsv : FormatKind::csv;
  const bool csv = order.format.kind == FormatKind::csv;
  order.format.delimiter = csv ? ',' : '\t';
  if (words.delimiter == "\\t")
    order.format.delimiter = '\t';
  else if (!words.delimiter.empty())
    order.format.delimiter = words.delimiter.front();
  if (words.has_null) order.format.null_mark = words.null_mark;
  order.header = words.header || (csv && order.columns.empty() && !words.no_header);
}

std::string one_byte(const std::string& text) {
  const bool good = text == "\\t" || (text.size() == 1 && text != "\"" && text != "\n" && text != "\r" && text != "\\");
  return good ? "" : "one byte is wanted, or \\t";
}

}  // namespace

void add_load_options(CLI::App& verb, LoadOrder& order) {
  const auto words = std::make_shared<FormatWords>();
  verb.add_option("--from", order.from, "A folder, a file, or s3://BUCKET/PREFIX")->required()->type_name("PLACE");
  verb.add_option("--table", order.table, "Of new: its rows are to be the files'")
      ->required()
      ->type_name("SCHEMA.TABLE");
  verb.add_option("--format", words->format, "csv (RFC 4180) or tsv (as MySQL and MariaDB write it)")
      ->required()
      ->check(CLI::IsMember({"csv", "tsv"}));
  verb.add_option("--columns", order.columns, "Of the files, in their order; they have no header then")
      ->delimiter(',')
      ->type_name("NAMES");
  CLI::Option* header = verb.add_flag("--header", words->header,
                                      "The first record of each file names its columns (csv: the default without "
                                      "--columns); with --columns it is skipped");
  verb.add_flag("--no-header", words->no_header, "Files begin with a row, of all columns in the table's order")
      ->excludes(header);
  verb.add_option_function<std::string>(
          "--null",
          [words](const std::string& mark) {
            words->null_mark = mark;
            words->has_null = true;
          },
          "What stands for NULL, without quotes; \\N. In tsv \\N is NULL in any case")
      ->type_name("TEXT");
  verb.add_option("--delimiter", words->delimiter, "Between fields; a comma, or \\t for tsv")->check(one_byte);
  verb.add_option("--endpoint", order.endpoint, "Of an S3-compatible store; that of AWS in the region")
      ->type_name("URL");
  verb.add_option("--region", order.region, "Of S3; AWS_REGION, or us-east-1");
  verb.add_option("--parallel", order.parallel, "Files loaded at once; 4")->check(CLI::Range(1, 64))->type_name("N");
  verb.add_flag("--replace", order.replace, "The table may have rows: they go");
  verb.add_flag("--restart", order.restart, "Forget an earlier load of this table that is not finished");
  verb.parse_complete_callback([words, &order] { settle_format(*words, order); });
  verb.footer(
      "Files go into SCHEMA.TABLE__crossfade_staging, without keys; those go on last, and prove that the rows are "
      "what\n"
      "they say; then one RENAME puts it in the table's place. .gz and .zst are unpacked. A command that ended goes "
      "on\n"
      "where it was when it is given again. Keys of S3: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.\n"
      "Exit code 0: the table is there, 4: its keys do not go on, 1: another error.\n\n"
      "Examples:\n  crossfade load --config crossfade.yaml --from orders/ --table shop.orders --format csv\n"
      "  crossfade load --config crossfade.yaml --from s3://dumps/shop/orders --table shop.orders --format tsv "
      "--replace");
}

}  // namespace crossfade::proxy
