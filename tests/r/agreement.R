# Writes tests/r/agreement.csv and agreement-session.txt; run in the repository after `python -m tests.r.simulate`:
#   Rscript tests/r/agreement.R
suppressMessages({library(afex); library(BayesFactor); library(boot); library(sandwich); library(vegan)})
here <- "tests/r"
reading <- read.csv(file.path(here, "reading.csv"))
design <- read.csv(file.path(here, "design.csv"), stringsAsFactors = TRUE)
vectors <- as.matrix(read.csv(file.path(here, "vectors.csv")))
out <- NULL
put <- function(case, term, quantity, value) {
  out <<- rbind(out, data.frame(case = case, term = term, quantity = quantity, value = sprintf("%.12g", value)))
}
# a bound of a noncentrality: the one under which the statistic is this quantile
noncentrality <- function(cdf, tail, from, to) {
  f <- function(ncp) cdf(ncp) - tail
  if (f(from) <= 0) from else uniroot(f, c(from, to), tol = 1e-12)$root
}

# analysis of variance: within, between, mixed
eta <- function(F, df, error) {
  bounds <- sapply(c(0.975, 0.025), function(tail) noncentrality(function(ncp) pf(F, df, error, ncp), tail, 0, 500))
  bounds / (bounds + df + error + 1)
}
cases <- list(
  within = aov_ez("subject", "time", design, within = c("attractor", "number"), anova_table = list(es = c("pes", "ges"))),
  between = aov_ez("subject", "time", design, between = "group", fun_aggregate = mean,
    anova_table = list(es = c("pes", "ges"))),
  mixed = aov_ez("subject", "time", design, within = c("attractor", "number"), between = "group",
    anova_table = list(es = c("pes", "ges")))
)
for (case in names(cases)) {
  table <- cases[[case]]$anova_table
  for (effect in rownames(table)) {
    row <- table[effect, ]
    bounds <- eta(row$F, row$`num Df`, row$`den Df`)
    values <- c(F = row$F, df_corrected = row$`num Df`, error_corrected = row$`den Df`, pes = row$pes, ges = row$ges,
      p = row$`Pr(>F)`, low = bounds[1], high = bounds[2])
    for (name in names(values)) put(paste0("anova_", case), effect, name, values[[name]])
  }
}

# a contrast by subjects and by items, min F'
by <- function(unit) {
  wide <- tapply(reading$time, list(reading[[unit]], reading$condition), mean)
  t.test(wide[, "0.5"], wide[, "-0.5"], paired = TRUE)
}
for (unit in c("subject", "item")) {
  test <- by(unit)
  for (name in c("estimate", "statistic", "parameter", "p.value")) put(paste0("contrast_", unit), "condition", name, test[[name]])
}
f1 <- by("subject")$statistic^2; f2 <- by("item")$statistic^2
n1 <- by("subject")$parameter; n2 <- by("item")$parameter
put("min_f", "condition", "F", f1 * f2 / (f1 + f2))
put("min_f", "condition", "df_error", (f1 + f2)^2 / (f1^2 / n2 + f2^2 / n1))
put("min_f", "condition", "p", pf(f1 * f2 / (f1 + f2), 1, (f1 + f2)^2 / (f1^2 / n2 + f2^2 / n1), lower.tail = FALSE))
interaction <- with(design, tapply(time, list(subject, attractor, number), mean))
interaction <- (interaction[, "other", "plural"] - interaction[, "other", "singular"]) -
  (interaction[, "none", "plural"] - interaction[, "none", "singular"])
group <- with(design, tapply(as.character(group), subject, function(x) x[1]))
test <- t.test(interaction[group == "second"], interaction[group == "first"])
put("contrast_mixed", "interaction", "estimate", diff(rev(test$estimate)))
for (name in c("statistic", "parameter", "p.value")) put("contrast_mixed", "interaction", name, test[[name]])
put("contrast_mixed", "interaction", "low", test$conf.int[1])
put("contrast_mixed", "interaction", "high", test$conf.int[2])

# standardised effects, equivalence, Bayes factors: plural and singular after the same attractor, the groups
cell <- with(design, tapply(time, list(subject, attractor, number), mean))
x <- cell[, "same", "plural"]; y <- cell[, "same", "singular"]
first <- x[group == "first"]; second <- x[group == "second"]
bounds <- function(t, df) sapply(c(0.975, 0.025), function(tail) noncentrality(function(ncp) pt(t, df, ncp), tail, -20, 20))
paired <- t.test(x, y, paired = TRUE); n <- length(x)
put("d", "z", "estimate", mean(x - y) / sd(x - y))
put("d", "av", "estimate", mean(x - y) / sqrt((var(x) + var(y)) / 2))
b <- bounds(paired$statistic, n - 1)
for (kind in c("z", "av")) {
  scale <- if (kind == "z") 1 / sqrt(n) else sd(x - y) / sqrt(n) / sqrt((var(x) + var(y)) / 2)
  put("d", kind, "low", b[1] * scale); put("d", kind, "high", b[2] * scale)
}
welch <- t.test(first, second); student <- t.test(first, second, var.equal = TRUE)
scale <- sqrt(1 / length(first) + 1 / length(second)); b <- bounds(student$statistic, n - 2)
put("d", "s", "estimate", student$statistic * scale)
put("d", "s", "low", b[1] * scale); put("d", "s", "high", b[2] * scale)
tost <- function(name, low, high, ...) {
  above <- t.test(..., mu = low, alternative = "greater"); below <- t.test(..., mu = high, alternative = "less")
  interval <- t.test(..., conf.level = 0.9)$conf.int
  values <- c(p_low = above$p.value, p_high = below$p.value, statistic_low = above$statistic[[1]],
    statistic_high = below$statistic[[1]], df = above$parameter[[1]], low = interval[1], high = interval[2])
  for (quantity in names(values)) put("tost", name, quantity, values[[quantity]])
}
tost("paired", -40, 40, x, y, paired = TRUE)
tost("groups", -60, 50, first, second)
bf <- function(name, test) put("bayes", name, "log_bf", test@bayesFactor$bf)
bf("paired", ttestBF(x, y, paired = TRUE))
bf("groups", ttestBF(first, second))
bf("wide", ttestBF(x, y, paired = TRUE, rscale = 1))
bf("correlation", correlationBF(x, y))
put("bayes", "large", "log_bf", ttest.tstat(t = 12, n1 = 60)$bf)

# bootstrap: the constants of BCa and its interval, on resamples that a generator written out here draws
times <- reading$time[1:60]; frequency <- reading$frequency[1:60]
state <- 20261124
draw <- function(n) {
  drawn <- integer(n)
  for (i in seq_len(n)) { state <<- (state * 16807) %% 2147483647; drawn[i] <- floor(state * n / 2147483647) + 1 }
  drawn
}
orders <- t(sapply(seq_len(999), function(i) draw(60)))
for (method in c("pearson", "spearman", "kendall")) {
  r <- function(data, i) cor(data[i, 1], data[i, 2], method = method)
  b <- boot(cbind(times, frequency), r, R = 999)
  b$t <- matrix(apply(orders, 1, function(i) r(b$data, i)))
  # about their mean, as Efron and Tibshirani (1993, eq. 14.15) and scipy have them; empinf's are about the estimate
  L <- empinf(data = b$data, statistic = r, type = "jack", stype = "i")
  L <- L - mean(L)
  interval <- boot.ci(b, type = "bca", L = L)$bca
  put("bca", method, "bias", qnorm(mean(b$t < b$t0)))
  put("bca", method, "acceleration", sum(L^3) / (6 * sum(L^2)^1.5))
  put("bca", method, "low", interval[4]); put("bca", method, "high", interval[5])
}

# similarity matrices: all 5,040 orders of seven items, and the correlation of 20
permute <- function(v) if (length(v) <= 1) list(v) else
  do.call(c, lapply(seq_along(v), function(i) lapply(permute(v[-i]), function(rest) c(v[i], rest))))
a <- vectors[, 1:5]; b <- vectors[, 6:10]
for (method in c("pearson", "spearman", "kendall")) {
  put("mantel", method, "r", suppressWarnings(mantel(dist(a), dist(b), method = method, permutations = 0)$statistic))
  few <- function(order) cor(as.vector(dist(a[1:7, ])), as.vector(dist(b[1:7, ][order, ])), method = method)
  all <- sapply(permute(1:7), few)
  put("mantel", method, "p", mean(abs(all) >= abs(few(1:7)) - 1e-12))
}
put("mantel", "correlation", "r", cor(as.vector(as.dist(1 - cor(t(a)))), as.vector(as.dist(1 - cor(t(b))))))
unit <- function(m) m / sqrt(rowSums(m^2))
put("mantel", "cosine", "r", cor(as.vector(as.dist(1 - unit(a) %*% t(unit(a)))), as.vector(as.dist(1 - unit(b) %*% t(unit(b))))))

# split-half reliability: all 35 divisions of eight subjects
wide <- tapply(reading$time, list(reading$item, reading$subject), mean)[, 1:8]
halves <- combn(8, 4); halves <- halves[, halves[1, ] == 1]
for (method in c("pearson", "spearman")) {
  r <- mean(apply(halves, 2, function(h) cor(rowMeans(wide[, h]), rowMeans(wide[, -h]), method = method)))
  put("split_half", method, "r", r)
  put("split_half", method, "spearman_brown", 2 * r / (1 + r))
}

# calibration: a logistic regression of shares on log-odds, with standard errors that allow for any variance (HC3)
p <- plogis(1.5 * vectors[, "a1"]); hits <- round(20 * plogis(vectors[, "a1"] + 0.5 * vectors[, "b2"] - 0.3))
shares <- cbind(hits, 20 - hits)
fit <- glm(shares ~ qlogis(p), family = binomial)
put("calibration", "slope", "estimate", coef(fit)[2])
put("calibration", "slope", "se", sqrt(vcovHC(fit, "HC3")[2, 2]))
fit <- glm(shares ~ offset(qlogis(p)), family = binomial)
put("calibration", "intercept", "estimate", coef(fit)[1])
put("calibration", "intercept", "se", sqrt(vcovHC(fit, "HC3")[1, 1]))

write.csv(out, file.path(here, "agreement.csv"), row.names = FALSE, quote = FALSE)
writeLines(capture.output(sessionInfo()), file.path(here, "agreement-session.txt"))
