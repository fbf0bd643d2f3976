#include "routing/session_variables.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <iterator>

namespace crossfade::routing {
namespace {

// Read from MariaDB 10.11.19 and MySQL 9.7.4; tests/integration/test_session_state.py compares it with the servers.
// What only plugins and other engines bring is not here. Plans, buffers and temporary tables' limits are taken for
// harmless: they decide how an answer is found, and of several right answers which. So is
// explicit_defaults_for_timestamp: no write whose effect it could change is shipped (NULL for a TIMESTAMP that is NOT
// NULL), and MySQL does not let the applier set it within a transaction.
constexpr SessionVariable kVariables[] = {
    {"alter_algorithm", VariableEffect::harmless, Makes::mariadb},
    {"analyze_max_length", VariableEffect::harmless, Makes::mariadb},
    {"analyze_sample_percentage", VariableEffect::harmless, Makes::mariadb},
    {"aria_repair_threads", VariableEffect::harmless, Makes::mariadb},
    {"aria_sort_buffer_size", VariableEffect::harmless, Makes::mariadb},
    {"aria_stats_method", VariableEffect::harmless, Makes::mariadb},
    {"auto_increment_increment", VariableEffect::context, Makes::both},
    {"auto_increment_offset", VariableEffect::context, Makes::both},
    {"autocommit", VariableEffect::context, Makes::both},
    {"big_tables", VariableEffect::harmless, Makes::both},
    {"binlog_alter_two_phase", VariableEffect::harmless, Makes::mariadb},
    {"binlog_annotate_row_events", VariableEffect::harmless, Makes::mariadb},
    {"binlog_direct_non_transactional_updates", VariableEffect::harmless, Makes::both},
    {"binlog_format", VariableEffect::harmless, Makes::both},
    {"binlog_row_image", VariableEffect::harmless, Makes::both},
    {"binlog_row_value_options", VariableEffect::harmless, Makes::mysql},
    {"binlog_rows_query_log_events", VariableEffect::harmless, Makes::mysql},
    {"binlog_transaction_compression", VariableEffect::harmless, Makes::mysql},
    {"binlog_transaction_compression_level_zstd", VariableEffect::harmless, Makes::mysql},
    {"block_encryption_mode", VariableEffect::pins_reads, Makes::mysql, "aes-128-ecb"},
    {"bulk_insert_buffer_size", VariableEffect::harmless, Makes::both},
    {"character_set_client", VariableEffect::context, Makes::both},
    {"character_set_connection", VariableEffect::context, Makes::both},
    {"character_set_database", VariableEffect::harmless, Makes::both},
    {"character_set_filesystem", VariableEffect::pins_reads, Makes::both, "binary"},
    {"character_set_results", VariableEffect::context, Makes::both},
    {"character_set_server", VariableEffect::harmless, Makes::both},
    {"check_constraint_checks", VariableEffect::pins_reads, Makes::mariadb, "1"},
    {"collation_connection", VariableEffect::context, Makes::both},
    {"collation_database", VariableEffect::harmless, Makes::both},
    {"collation_server", VariableEffect::harmless, Makes::both},
    {"column_compression_threshold", VariableEffect::harmless, Makes::mariadb},
    {"column_compression_zlib_level", VariableEffect::harmless, Makes::mariadb},
    {"column_compression_zlib_strategy", VariableEffect::harmless, Makes::mariadb},
    {"column_compression_zlib_wrap", VariableEffect::harmless, Makes::mariadb},
    {"completion_type", VariableEffect::pins_reads, Makes::both, "NO_CHAIN"},
    {"connection_memory_chunk_size", VariableEffect::harmless, Makes::mysql},
    {"connection_memory_limit", VariableEffect::harmless, Makes::mysql},
    {"cte_max_recursion_depth", VariableEffect::pins_reads, Makes::mysql, "1000"},
    {"deadlock_search_depth_long", VariableEffect::harmless, Makes::mariadb},
    {"deadlock_search_depth_short", VariableEffect::harmless, Makes::mariadb},
    {"deadlock_timeout_long", VariableEffect::harmless, Makes::mariadb},
    {"deadlock_timeout_short", VariableEffect::harmless, Makes::mariadb},
    {"default_collation_for_utf8mb4", VariableEffect::pins_reads, Makes::mysql, "utf8mb4_0900_ai_ci"},
    {"default_master_connection", VariableEffect::harmless, Makes::mariadb},
    {"default_regex_flags", VariableEffect::pins_reads, Makes::mariadb, ""},
    {"default_storage_engine", VariableEffect::harmless, Makes::both},
    {"default_table_encryption", VariableEffect::harmless, Makes::mysql},
    {"default_tmp_storage_engine", VariableEffect::harmless, Makes::both},
    {"default_week_format", VariableEffect::carried, Makes::both, "0"},
    {"div_precision_increment", VariableEffect::carried, Makes::both, "4"},
    {"enable_cascade_triggers", VariableEffect::harmless, Makes::mysql},
    {"enable_secondary_engine_statistics", VariableEffect::harmless, Makes::mysql},
    {"end_markers_in_json", VariableEffect::harmless, Makes::mysql},
    {"enforce_storage_engine", VariableEffect::harmless, Makes::mariadb},
    {"eq_range_index_dive_limit", VariableEffect::harmless, Makes::both},
    {"error_count", VariableEffect::read_only, Makes::both},
    {"expensive_subquery_limit", VariableEffect::harmless, Makes::mariadb},
    {"explain_format", VariableEffect::harmless, Makes::mysql},
    {"explain_json_format_version", VariableEffect::harmless, Makes::mysql},
    {"explicit_defaults_for_timestamp", VariableEffect::harmless, Makes::both},
    {"external_table_secondary_storage_engine", VariableEffect::harmless, Makes::mysql},
    {"external_table_storage_engine", VariableEffect::harmless, Makes::mysql},
    {"external_user", VariableEffect::read_only, Makes::both},
    {"foreign_key_checks", VariableEffect::context, Makes::both},
    {"generated_random_password_length", VariableEffect::harmless, Makes::mysql},
    {"global_connection_memory_tracking", VariableEffect::harmless, Makes::mysql},
    {"group_concat_max_len", VariableEffect::carried_to_reads, Makes::both},
    {"group_replication_consistency", VariableEffect::harmless, Makes::mysql},
    {"gtid_domain_id", VariableEffect::pins_reads, Makes::mariadb},
    {"gtid_next", VariableEffect::pins_reads, Makes::mysql, "AUTOMATIC"},
    {"gtid_owned", VariableEffect::read_only, Makes::mysql},
    {"gtid_seq_no", VariableEffect::pins_reads, Makes::mariadb, "0"},
    {"histogram_generation_max_mem_size", VariableEffect::harmless, Makes::mysql},
    {"histogram_size", VariableEffect::harmless, Makes::mariadb},
    {"histogram_type", VariableEffect::harmless, Makes::mariadb},
    {"identity", VariableEffect::context, Makes::both},
    {"idle_readonly_transaction_timeout", VariableEffect::harmless, Makes::mariadb},
    {"idle_transaction_timeout", VariableEffect::harmless, Makes::mariadb},
    {"idle_write_transaction_timeout", VariableEffect::harmless, Makes::mariadb},
    {"immediate_server_version", VariableEffect::pins_reads, Makes::mysql},
    {"in_predicate_conversion_threshold", VariableEffect::harmless, Makes::mariadb},
    {"in_transaction", VariableEffect::read_only, Makes::mariadb},
    {"information_schema_stats_expiry", VariableEffect::harmless, Makes::mysql},
    {"innodb_compression_default", VariableEffect::harmless, Makes::mariadb},
    {"innodb_ddl_buffer_size", VariableEffect::harmless, Makes::mysql},
    {"innodb_ddl_threads", VariableEffect::harmless, Makes::mysql},
    {"innodb_default_encryption_key_id", VariableEffect::harmless, Makes::mariadb},
    {"innodb_ft_enable_stopword", VariableEffect::harmless, Makes::both},
    {"innodb_ft_user_stopword_table", VariableEffect::harmless, Makes::both},
    {"innodb_lock_wait_timeout", VariableEffect::harmless, Makes::both},
    {"innodb_parallel_read_threads", VariableEffect::harmless, Makes::mysql},
    {"innodb_snapshot_isolation", VariableEffect::harmless, Makes::mariadb},
    {"innodb_strict_mode", VariableEffect::harmless, Makes::both},
    {"innodb_table_locks", VariableEffect::harmless, Makes::both},
    {"innodb_tmpdir", VariableEffect::harmless, Makes::both},
    {"insert_id", VariableEffect::pins_reads, Makes::both},
    {"interactive_timeout", VariableEffect::harmless, Makes::both},
    {"internal_tmp_mem_storage_engine", VariableEffect::harmless, Makes::mysql},
    {"join_buffer_size", VariableEffect::harmless, Makes::both},
    {"join_buffer_space_limit", VariableEffect::harmless, Makes::mariadb},
    {"join_cache_level", VariableEffect::harmless, Makes::mariadb},
    {"keep_files_on_create", VariableEffect::harmless, Makes::both},
    {"last_gtid", VariableEffect::read_only, Makes::mariadb},
    {"last_insert_id", VariableEffect::context, Makes::both},
    {"lc_messages", VariableEffect::carried_to_reads, Makes::both},
    {"lc_time_names", VariableEffect::carried, Makes::both, "en_US"},
    {"lock_wait_timeout", VariableEffect::harmless, Makes::both},
    {"log_disabled_statements", VariableEffect::harmless, Makes::mariadb},
    {"log_queries_not_using_indexes", VariableEffect::harmless, Makes::mariadb},
    {"log_slow_admin_statements", VariableEffect::harmless, Makes::mariadb},
    {"log_slow_disabled_statements", VariableEffect::harmless, Makes::mariadb},
    {"log_slow_filter", VariableEffect::harmless, Makes::mariadb},
    {"log_slow_max_warnings", VariableEffect::harmless, Makes::mariadb},
    {"log_slow_min_examined_row_limit", VariableEffect::harmless, Makes::mariadb},
    {"log_slow_query", VariableEffect::harmless, Makes::mariadb},
    {"log_slow_query_time", VariableEffect::harmless, Makes::mariadb},
    {"log_slow_rate_limit", VariableEffect::harmless, Makes::mariadb},
    {"log_slow_slave_statements", VariableEffect::harmless, Makes::mariadb},
    {"log_slow_verbosity", VariableEffect::harmless, Makes::mariadb},
    {"log_warnings", VariableEffect::harmless, Makes::mariadb},
    {"long_query_time", VariableEffect::harmless, Makes::both},
    {"low_priority_updates", VariableEffect::harmless, Makes::both},
    {"max_allowed_packet", VariableEffect::read_only, Makes::both},
    {"max_delayed_threads", VariableEffect::harmless, Makes::both},
    {"max_error_count", VariableEffect::harmless, Makes::both},
    {"max_execution_time", VariableEffect::carried_to_reads, Makes::mysql},
    {"max_heap_table_size", VariableEffect::harmless, Makes::both},
    {"max_insert_delayed_threads", VariableEffect::harmless, Makes::both},
    {"max_join_size", VariableEffect::carried_to_reads, Makes::both},
    {"max_length_for_sort_data", VariableEffect::harmless, Makes::both},
    {"max_points_in_geometry", VariableEffect::pins_reads, Makes::mysql, "65536"},
    {"max_recursive_iterations", VariableEffect::pins_reads, Makes::mariadb, "1000"},
    {"max_relay_log_size", VariableEffect::harmless, Makes::mariadb},
    {"max_rowid_filter_size", VariableEffect::harmless, Makes::mariadb},
    {"max_seeks_for_key", VariableEffect::harmless, Makes::both},
    {"max_session_mem_used", VariableEffect::harmless, Makes::mariadb},
    {"max_sort_length", VariableEffect::pins_reads, Makes::both, "1024"},
    {"max_sp_recursion_depth", VariableEffect::harmless, Makes::both},
    {"max_statement_time", VariableEffect::carried_to_reads, Makes::mariadb},
    {"max_tmp_tables", VariableEffect::harmless, Makes::mariadb},
    {"max_user_connections", VariableEffect::read_only, Makes::both},
    {"min_examined_row_limit", VariableEffect::harmless, Makes::both},
    {"mrr_buffer_size", VariableEffect::harmless, Makes::mariadb},
    {"myisam_repair_threads", VariableEffect::harmless, Makes::mariadb},
    {"myisam_sort_buffer_size", VariableEffect::harmless, Makes::both},
    {"myisam_stats_method", VariableEffect::harmless, Makes::both},
    {"net_buffer_length", VariableEffect::read_only, Makes::both},
    {"net_read_timeout", VariableEffect::harmless, Makes::both},
    {"net_retry_count", VariableEffect::harmless, Makes::both},
    {"net_write_timeout", VariableEffect::harmless, Makes::both},
    {"note_verbosity", VariableEffect::harmless, Makes::mariadb},
    {"old", VariableEffect::pins_reads, Makes::mariadb, "0"},
    {"old_alter_table", VariableEffect::harmless, Makes::both},
    {"old_mode", VariableEffect::pins_reads, Makes::mariadb, "UTF8_IS_UTF8MB3"},
    {"old_passwords", VariableEffect::harmless, Makes::mariadb},
    {"optimizer_adjust_secondary_key_costs", VariableEffect::harmless, Makes::mariadb},
    {"optimizer_extra_pruning_depth", VariableEffect::harmless, Makes::mariadb},
    {"optimizer_join_limit_pref_ratio", VariableEffect::harmless, Makes::mariadb},
    {"optimizer_max_sel_arg_weight", VariableEffect::harmless, Makes::mariadb},
    {"optimizer_max_sel_args", VariableEffect::harmless, Makes::mariadb},
    {"optimizer_max_subgraph_pairs", VariableEffect::harmless, Makes::mysql},
    {"optimizer_prune_level", VariableEffect::harmless, Makes::both},
    {"optimizer_search_depth", VariableEffect::harmless, Makes::both},
    {"optimizer_selectivity_sampling_limit", VariableEffect::harmless, Makes::mariadb},
    {"optimizer_switch", VariableEffect::harmless, Makes::both},
    {"optimizer_trace", VariableEffect::harmless, Makes::both},
    {"optimizer_trace_features", VariableEffect::harmless, Makes::mysql},
    {"optimizer_trace_limit", VariableEffect::harmless, Makes::mysql},
    {"optimizer_trace_max_mem_size", VariableEffect::harmless, Makes::both},
    {"optimizer_trace_offset", VariableEffect::harmless, Makes::mysql},
    {"optimizer_use_condition_selectivity", VariableEffect::harmless, Makes::mariadb},
    {"original_commit_timestamp", VariableEffect::harmless, Makes::mysql},
    {"original_server_version", VariableEffect::pins_reads, Makes::mysql},
    {"parser_max_mem_size", VariableEffect::harmless, Makes::mysql},
    {"preload_buffer_size", VariableEffect::harmless, Makes::both},
    {"print_identified_with_as_hex", VariableEffect::harmless, Makes::mysql},
    {"profiling", VariableEffect::harmless, Makes::both},
    {"profiling_history_size", VariableEffect::harmless, Makes::both},
    {"progress_report_time", VariableEffect::harmless, Makes::mariadb},
    {"proxy_user", VariableEffect::read_only, Makes::both},
    {"pseudo_replica_mode", VariableEffect::pins_reads, Makes::mysql, "0"},
    {"pseudo_slave_mode", VariableEffect::pins_reads, Makes::both, "0"},
    {"pseudo_thread_id", VariableEffect::harmless, Makes::both},
    {"query_alloc_block_size", VariableEffect::harmless, Makes::both},
    {"query_cache_strip_comments", VariableEffect::harmless, Makes::mariadb},
    {"query_cache_type", VariableEffect::harmless, Makes::mariadb},
    {"query_cache_wlock_invalidate", VariableEffect::harmless, Makes::mariadb},
    {"query_prealloc_size", VariableEffect::harmless, Makes::both},
    {"rand_seed1", VariableEffect::pins_reads, Makes::both},
    {"rand_seed2", VariableEffect::pins_reads, Makes::both},
    {"range_alloc_block_size", VariableEffect::harmless, Makes::both},
    {"range_optimizer_max_mem_size", VariableEffect::harmless, Makes::mysql},
    {"rbr_exec_mode", VariableEffect::harmless, Makes::mysql},
    {"read_buffer_size", VariableEffect::harmless, Makes::both},
    {"read_rnd_buffer_size", VariableEffect::harmless, Makes::both},
    {"require_row_format", VariableEffect::pins_reads, Makes::mysql, "0"},
    {"restrict_fk_on_non_standard_key", VariableEffect::harmless, Makes::mysql},
    {"resultset_metadata", VariableEffect::harmless, Makes::mysql},
    {"rowid_merge_buff_size", VariableEffect::harmless, Makes::mariadb},
    {"secondary_engine_cost_threshold", VariableEffect::harmless, Makes::mysql},
    {"select_into_buffer_size", VariableEffect::harmless, Makes::mysql},
    {"select_into_disk_sync", VariableEffect::harmless, Makes::mysql},
    {"select_into_disk_sync_delay", VariableEffect::harmless, Makes::mysql},
    {"server_id", VariableEffect::pins_reads, Makes::mariadb},
    {"session_track_gtids", VariableEffect::harmless, Makes::mysql},
    {"session_track_schema", VariableEffect::harmless, Makes::both},
    {"session_track_state_change", VariableEffect::harmless, Makes::both},
    {"session_track_system_variables", VariableEffect::harmless, Makes::both},
    {"session_track_transaction_info", VariableEffect::harmless, Makes::both},
    {"set_operations_buffer_size", VariableEffect::harmless, Makes::mysql},
    {"show_create_table_skip_secondary_engine", VariableEffect::harmless, Makes::mysql},
    {"show_create_table_verbosity", VariableEffect::harmless, Makes::mysql},
    {"show_gipk_in_create_table_and_information_schema", VariableEffect::harmless, Makes::mysql},
    {"skip_parallel_replication", VariableEffect::harmless, Makes::mariadb},
    {"skip_replication", VariableEffect::pins_reads, Makes::mariadb, "0"},
    {"slow_query_log", VariableEffect::harmless, Makes::mariadb},
    {"sort_buffer_size", VariableEffect::harmless, Makes::both},
    {"sql_auto_is_null", VariableEffect::carried, Makes::both, "0"},
    {"sql_big_selects", VariableEffect::carried_to_reads, Makes::both},
    {"sql_buffer_result", VariableEffect::harmless, Makes::both},
    {"sql_generate_invisible_primary_key", VariableEffect::harmless, Makes::mysql},
    {"sql_if_exists", VariableEffect::harmless, Makes::mariadb},
    {"sql_log_bin", VariableEffect::pins_reads, Makes::both, "1"},
    {"sql_log_off", VariableEffect::harmless, Makes::both},
    {"sql_mode", VariableEffect::context, Makes::both},
    {"sql_notes", VariableEffect::carried_to_reads, Makes::both},
    {"sql_quote_show_create", VariableEffect::harmless, Makes::both},
    {"sql_require_primary_key", VariableEffect::harmless, Makes::mysql},
    {"sql_safe_updates", VariableEffect::harmless, Makes::both},
    {"sql_select_limit", VariableEffect::carried_to_reads, Makes::both},
    {"sql_slave_skip_counter", VariableEffect::harmless, Makes::mariadb},
    {"sql_warnings", VariableEffect::harmless, Makes::both},
    {"standard_compliant_cte", VariableEffect::pins_reads, Makes::mariadb, "1"},
    {"statement_id", VariableEffect::read_only, Makes::mysql},
    {"storage_engine", VariableEffect::harmless, Makes::mariadb},
    {"system_versioning_alter_history", VariableEffect::harmless, Makes::mariadb},
    {"system_versioning_asof", VariableEffect::pins_reads, Makes::mariadb, "DEFAULT"},
    {"system_versioning_insert_history", VariableEffect::pins_reads, Makes::mariadb, "0"},
    {"tcp_nodelay", VariableEffect::harmless, Makes::mariadb},
    {"terminology_use_previous", VariableEffect::harmless, Makes::mysql},
    {"thread_pool_priority", VariableEffect::harmless, Makes::mariadb},
    {"time_zone", VariableEffect::context, Makes::both},
    {"timestamp", VariableEffect::pins_reads, Makes::both},
    {"tmp_disk_table_size", VariableEffect::harmless, Makes::mariadb},
    {"tmp_memory_table_size", VariableEffect::harmless, Makes::mariadb},
    {"tmp_table_size", VariableEffect::harmless, Makes::both},
    {"transaction_alloc_block_size", VariableEffect::harmless, Makes::both},
    {"transaction_allow_batching", VariableEffect::harmless, Makes::mysql},
    {"transaction_isolation", VariableEffect::context, Makes::mysql},
    {"transaction_prealloc_size", VariableEffect::harmless, Makes::both},
    {"transaction_read_only", VariableEffect::harmless, Makes::mysql},
    {"tx_isolation", VariableEffect::context, Makes::mariadb},
    {"tx_read_only", VariableEffect::harmless, Makes::mariadb},
    {"unique_checks", VariableEffect::context, Makes::both},
    {"updatable_views_with_limit", VariableEffect::harmless, Makes::both},
    {"use_secondary_engine", VariableEffect::harmless, Makes::mysql},
    {"use_stat_tables", VariableEffect::harmless, Makes::mariadb},
    {"wait_timeout", VariableEffect::harmless, Makes::both},
    {"warning_count", VariableEffect::read_only, Makes::both},
    {"windowing_use_high_precision", VariableEffect::pins_reads, Makes::mysql, "1"},
    {"wsrep_causal_reads", VariableEffect::harmless, Makes::mariadb},
    {"wsrep_dirty_reads", VariableEffect::harmless, Makes::mariadb},
    {"wsrep_gtid_seq_no", VariableEffect::pins_reads, Makes::mariadb},
    {"wsrep_on", VariableEffect::pins_reads, Makes::mariadb},
    {"wsrep_osu_method", VariableEffect::harmless, Makes::mariadb},
    {"wsrep_retry_autocommit", VariableEffect::harmless, Makes::mariadb},
    {"wsrep_sync_wait", VariableEffect::harmless, Makes::mariadb},
    {"wsrep_trx_fragment_size", VariableEffect::harmless, Makes::mariadb},
    {"wsrep_trx_fragment_unit", VariableEffect::harmless, Makes::mariadb},
    {"xa_detach_on_prepare", VariableEffect::harmless, Makes::mysql},
};

constexpr bool is_sorted_by_name() {
  for (std::size_t i = 1; i < std::size(kVariables); ++i) {
    if (!(kVariables[i - 1].name < kVariables[i].name)) return false;
  }
  return true;
}
static_assert(is_sorted_by_name());

bool is_number(std::string_view value) {
  return !value.empty() && value.find_first_not_of("0123456789.") == std::string_view::npos &&
         value.find_first_not_of('.') != std::string_view::npos;
}

std::optional<double> as_double(std::string_view value) {
  double number = 0;
  const std::from_chars_result end = std::from_chars(value.data(), value.data() + value.size(), number);
  if (end.ec != std::errc() || end.ptr != value.data() + value.size()) return std::nullopt;
  return number;
}

}  // namespace

std::span<const SessionVariable> session_variables() { return kVariables; }

const SessionVariable* find_session_variable(std::string_view name) {
  const auto* found =
      std::lower_bound(std::begin(kVariables), std::end(kVariables), name,
                       [](const SessionVariable& variable, std::string_view wanted) { return variable.name < wanted; });
  return found != std::end(kVariables) && found->name == name ? found : nullptr;
}

std::optional<std::pair<std::string, std::string>> for_other_make(const SessionVariable& variable,
                                                                  std::string_view value) {
  if (variable.makes == Makes::both) return std::pair(std::string(variable.name), std::string(value));
  const std::optional<double> number = as_double(value);
  if (!number) return std::nullopt;
  // Seconds on MariaDB, milliseconds on MySQL; 0 is no limit on both.
  if (variable.name == "max_statement_time") {
    return std::pair(std::string("max_execution_time"),
                     std::to_string(static_cast<std::uint64_t>(std::ceil(*number * 1000))));
  }
  if (variable.name == "max_execution_time") {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", *number / 1000);
    return std::pair(std::string("max_statement_time"), std::string(text));
  }
  return std::nullopt;
}

bool is_plain_value(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_,+:/ -.").find(c) != std::string_view::npos;
  });
}

std::string value_literal(std::string_view value) {
  return is_number(value) ? std::string(value) : "'" + std::string(value) + "'";
}

}  // namespace crossfade::routing
