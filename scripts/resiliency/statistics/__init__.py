"""Pure mathematics of the analysis: functions of arrays that know nothing of studies."""
